// Prints what the default chain of AWS's JavaScript client finds in the environment of this process, as JSON; without members when it finds nothing.
import { defaultProvider } from "@aws-sdk/credential-provider-node";

const silent = () => undefined;
const chain = defaultProvider({ logger: { warn: silent, debug: silent, info: silent, error: silent } });
const { accessKeyId, secretAccessKey, sessionToken } = await chain().catch(() => ({}));
console.log(JSON.stringify({ accessKeyId, secretAccessKey, sessionToken }));
