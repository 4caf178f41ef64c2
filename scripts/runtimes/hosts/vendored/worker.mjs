// For workerd.
import { signWithEach } from "./sign.mjs";

export default {
  async fetch(request) {
    return Response.json(await signWithEach(new URL(request.url).searchParams.get("origin")));
  },
};
