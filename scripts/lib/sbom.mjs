// CycloneDX 1.6 documents. No time and no serial number, so that the same source gives the same bytes.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { manifest, root } from "./entries.mjs";

/** The package as users install it: itself and nothing else. */
export function packageSbom() {
  return document([], [{ ref: purl(manifest.name, manifest.version) }]);
}

/** What development installs: every package of the lockfile, with its hash and licence, and who needs it. */
export function developmentSbom() {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const installed = Object.entries(packages).filter(([path]) => path !== "");
  const components = byRef(installed.map(([path, entry]) => component(path, entry)), "bom-ref");
  const dependencies = byRef(
    Object.entries(packages).map(([path, entry]) => ({ ref: path === "" ? purl(manifest.name, manifest.version) : purl(nameOf(path, entry), entry.version), dependsOn: needs(path, entry, packages) })),
    "ref",
  );
  return document(components, dependencies);
}

export function asText(sbom) {
  return `${JSON.stringify(sbom, null, 2)}\n`;
}

function document(components, dependencies) {
  const { name, version, description, license } = manifest;
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "library", "bom-ref": purl(name, version), name, version, description, licenses: [licence(license)], purl: purl(name, version) } },
    components,
    dependencies,
  };
}

/** `excluded`: CycloneDX's scope of what is not part of the product when it runs. */
function component(path, entry) {
  const name = nameOf(path, entry);
  const [group, short] = name.startsWith("@") ? name.split("/") : [undefined, name];
  const stated = entry.license ?? installedLicence(path);
  return {
    type: "library",
    "bom-ref": purl(name, entry.version),
    ...(group === undefined ? {} : { group }),
    name: short,
    version: entry.version,
    scope: "excluded",
    ...(entry.integrity === undefined ? {} : { hashes: entry.integrity.split(" ").map(hash) }),
    ...(stated === undefined ? {} : { licenses: [licence(stated)] }),
    purl: purl(name, entry.version),
  };
}

/** `node_modules/a/node_modules/@b/c` is the package `@b/c`; an alias says its real name. */
function nameOf(path, entry) {
  return entry.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

function installedLicence(path) {
  const file = join(root, path, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).license : undefined;
}

/** package-url of type npm: the `@` of a scope is encoded. */
function purl(name, version) {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function licence(stated) {
  return /[ ()]/.test(stated) ? { expression: stated } : { license: { id: stated } };
}

/** `sha512-…` of npm in base64 is `SHA-512` of CycloneDX in hex. */
function hash(integrity) {
  const [name, value] = integrity.split("-");
  return { alg: name.toUpperCase().replace("SHA", "SHA-"), content: Buffer.from(value, "base64").toString("hex") };
}

/** As Node looks a package up: beside its user, then further and further out. */
function needs(path, entry, packages) {
  const wanted = Object.keys({ ...entry.dependencies, ...entry.optionalDependencies, ...(path === "" ? entry.devDependencies : {}) });
  const found = wanted.flatMap((name) => {
    for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
      const place = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
      if (packages[place] !== undefined) return [purl(nameOf(place, packages[place]), packages[place].version)];
      if (at === "") return [];
    }
  });
  return [...new Set(found)].sort();
}

/** Sorted; the same package at two places is one. */
function byRef(values, key) {
  const merged = new Map();
  for (const value of values) {
    const before = merged.get(value[key]);
    merged.set(value[key], before?.dependsOn === undefined ? value : { ...value, dependsOn: [...new Set([...before.dependsOn, ...value.dependsOn])].sort() });
  }
  return [...merged.values()].sort((a, b) => (a[key] < b[key] ? -1 : 1));
}
