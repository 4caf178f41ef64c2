/** Finds the emulated token service that a request is for, and hands it over; where there is none, nobody answers. */
import type { RecordedRequest } from "../faults.js";
import { buildResponse } from "../response.js";
import type { Arrived, Place, TokenService } from "./service.js";

export class TokenRouter {
  readonly #services: () => readonly TokenService[];
  readonly #hosts: readonly string[];

  /** `services` are those that are there now; `hosts` stand for all of them, as a loopback address does. */
  constructor(services: () => readonly TokenService[], hosts: readonly string[]) {
    this.#services = services;
    this.#hosts = hosts;
  }

  operationOf(request: Arrived): string {
    return this.#find(request)?.operation ?? "unknown";
  }

  async handle(request: RecordedRequest): Promise<Response> {
    const place = this.#place(request);
    const found = this.#find(request);
    if (found === undefined) throw unreachable(place);
    return found.service.handle(request, place);
  }

  throttled(request: RecordedRequest): Response {
    return this.#find(request)?.service.throttled() ?? buildResponse(429, {}, "");
  }

  #place({ url: text }: Pick<Arrived, "url">): Place {
    const url = new URL(text);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    return { url, host, local: isLoopback(host) || this.#hosts.includes(host) };
  }

  /** The one whose address it is comes first, then one that knows the path, then one that refuses the path as its own. */
  #find(request: Arrived): { service: TokenService; operation: string } | undefined {
    const place = this.#place(request);
    const known = this.#services().flatMap((service) => {
      const operation = service.operationOf(request, place);
      return operation === undefined ? [] : [{ service, operation }];
    });
    const owner = this.#services().find((service) => service.owns(place));
    return known.find(({ service }) => service.owns(place)) ?? known[0] ?? (owner && { service: owner, operation: "unknown" });
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** As fetch fails where no service is: a name that nobody has, an address inside a machine that nobody listens at. */
function unreachable({ host, local }: Place): TypeError {
  const isAddress = host.includes(":") || /^[\d.]+$/.test(host);
  const code = local ? "ECONNREFUSED" : isAddress ? "EHOSTUNREACH" : "ENOTFOUND";
  return new TypeError("fetch failed", { cause: Object.assign(new Error("connection failed"), { code }) });
}
