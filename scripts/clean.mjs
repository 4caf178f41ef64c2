// Removes everything that the other scripts write.
import { rmSync } from "node:fs";

for (const folder of ["dist", ".build", ".bundles", "vendor"]) {
  rmSync(new URL(`../${folder}`, import.meta.url), { recursive: true, force: true });
}
