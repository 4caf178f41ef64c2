// An environment for the vendors' libraries, which look at that of this process only.
const CLOUDS = /^(AWS|AZURE|IDENTITY|IMDS|MSI)_/;

/** Runs with these variables, with no other ones that mean something to a cloud's library, and puts all back. */
export async function withEnvironment(values, run) {
  const before = { ...process.env };
  for (const name of Object.keys(before).filter((name) => CLOUDS.test(name))) delete process.env[name];
  Object.assign(process.env, { AWS_EC2_METADATA_DISABLED: "true", AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true", ...values });
  try {
    return await run();
  } finally {
    for (const name of Object.keys(process.env)) if (!Object.hasOwn(before, name)) delete process.env[name];
    Object.assign(process.env, before);
  }
}
