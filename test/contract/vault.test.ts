import { bindContract } from "./bind.js";
import { vaultSubject } from "./subjects.js";

bindContract(vaultSubject());
// The products differ in what they refuse and how they say so; types make no difference there.
bindContract({ ...vaultSubject({ product: "vault" }), keyTypes: ["RSA-2048", "P-256", "Ed25519"], rotates: ["P-256", "Ed25519", "RSA-2048"] });
