import { bindContract } from "./bind.js";
import { azureSubject } from "./subjects.js";

bindContract(azureSubject());
