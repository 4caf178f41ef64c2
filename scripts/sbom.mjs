// A bill of materials, CycloneDX 1.6 as JSON, on stdout.
//
//   npm run --silent sbom                    of the package
//   npm run --silent sbom -- --development   of what development installs, from package-lock.json
import { asText, developmentSbom, packageSbom } from "./lib/sbom.mjs";

process.stdout.write(asText(process.argv.includes("--development") ? developmentSbom() : packageSbom()));
