import { bindContract } from "./bind.js";
import { awsSubject } from "./subjects.js";

bindContract(awsSubject("alias"));
bindContract(awsSubject("alias ARN"));
bindContract(awsSubject("key id"));
