/** What needs Node's own modules. */
export { serve, type FetchHandler, type Served, type ServeOptions } from "./serve.js";
