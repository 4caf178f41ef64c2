// Asks for a token of the managed identity of this process's environment, and prints it as JSON: `SCOPE` and the options of the credential as JSON.
import { ManagedIdentityCredential } from "@azure/identity";

const [scope, options] = process.argv.slice(2);
const credential = new ManagedIdentityCredential({ retryOptions: { maxRetries: 0 }, ...JSON.parse(options) });
const said = await credential.getToken(scope).catch(({ name, message }) => ({ name, message }));
console.log(JSON.stringify(said));
