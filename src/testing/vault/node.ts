/** One node of an emulated Vault: takes a request through the checks of the server's core, and on to the engine. */
import type { RecordedRequest } from "../faults.js";
import { plainError, framedError, writeAnswer } from "./answer.js";
import type { Answer, VaultProduct } from "./answer.js";
import type { AuthMounts } from "./auth/mounts.js";
import { isAnswer } from "./engine.js";
import type { Operation } from "./engine.js";
import { Fields, readFields } from "./fields.js";
import { isGranted } from "./grants.js";
import type { PolicyStore } from "./grants.js";
import { readBody } from "./json-body.js";
import { locate, operationOf, readIndex, resolveNamespace, tokenOf, writeIndex } from "./request.js";
import type { Resolved, VaultIndex } from "./request.js";
import { VaultStore } from "./store.js";
import type { MountPlace } from "./store.js";
import { answerOpen, answerSys, answersSealed } from "./sys.js";
import { badToken, TokenStore } from "./tokens.js";
import type { TokenEntry } from "./tokens.js";
import { findRoute, isReadOnly } from "./transit.js";
import type { FoundRoute } from "./transit.js";
import { readWrapTtl } from "./wrapping.js";
import type { WrapStore } from "./wrapping.js";

/** Where a standby sends a write that it may not forward. */
const ACTIVE_ADDRESS = "https://active.vault.example:8200";

export interface NodeOptions {
  readonly product: VaultProduct;
  /** Path of the address, without a slash at its end. */
  readonly pathPrefix: string;
  readonly store: VaultStore;
  readonly tokens: TokenStore;
  readonly policies: PolicyStore;
  readonly auth: AuthMounts;
  readonly wraps: WrapStore;
  readonly clusterId: string;
  readonly now: () => number;
}

/** A request that passed the checks of path, namespace, method, body and token. */
interface Admitted extends Resolved {
  readonly request: RecordedRequest;
  readonly operation: Operation;
  readonly members: Readonly<Record<string, unknown>>;
  readonly token: TokenEntry;
  readonly query: URLSearchParams;
  readonly wish: ConsistencyWish;
  /** Seconds that the answer is to be wrapped for; 0 for not at all. */
  readonly wrapTtl: number;
}

/** What a client of OpenBao 2.7 has seen, and whether it wants the active node rather than a refusal. */
interface ConsistencyWish {
  readonly index?: VaultIndex;
  readonly forward?: boolean;
}

/** Who answers: the active node, or the standby that the request arrived at. */
type Answered = { readonly answer: Answer; readonly by: "active" | "standby" | "core" };

export class VaultNode {
  sealed = false;
  /** Answers of the standby that are left before it has caught up; without end while undefined. */
  staleAnswers: number | undefined;
  readonly #options: NodeOptions;
  /** Changes are made one after another, as the lock on a key does it. */
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  async handle(request: RecordedRequest): Promise<Response> {
    const { product, store, clusterId } = this.#options;
    const { answer, by } = await this.#answer(request);
    const reached = by === "standby" ? store.staleIndex : store.index;
    const index = product === "openbao" && by !== "core" && reached !== undefined ? writeIndex({ cluster: clusterId, value: reached }) : undefined;
    if (by === "standby") this.#countStaleAnswer();
    const namespaceHeader = request.headers["x-vault-namespace"];
    return writeAnswer(answer, { product, method: request.method, namespaceHeader, index, requestId: crypto.randomUUID() });
  }

  #countStaleAnswer(): void {
    if (this.staleAnswers === undefined) return;
    this.staleAnswers -= 1;
    if (this.staleAnswers <= 0) this.#options.store.catchUp();
  }

  get #lags(): boolean {
    return this.#options.store.staleIndex !== undefined;
  }

  async #answer(request: RecordedRequest): Promise<Answered> {
    const core = (answer: Answer): Answered => ({ answer, by: "core" });
    const { product, pathPrefix, store } = this.#options;
    const located = locate(request, pathPrefix, product);
    if (isAnswer(located)) return core(located);
    if (this.sealed && !answersSealed(located.path)) return core(plainError(503, "Vault is sealed"));
    const namespace = request.headers["x-vault-namespace"];
    const open = answerOpen({ method: request.method, namespace, ...located }, this.#state());
    if (open !== undefined) return core(open);
    const resolved = resolveNamespace(namespace, located.path, (name) => store.hasNamespace(name));
    const read = this.#read(request, located.query);
    if (isAnswer(read)) return core(read);
    if (isAnswer(resolved)) return core(resolved);
    const asked = { request, query: located.query, ...resolved, ...read };
    const answered = (await this.#answerUnauthenticated(asked)) ?? (await this.#answerAuthenticated(asked));
    return { ...answered, answer: this.#wrap(answered.answer, asked) };
  }

  #wrap(answer: Answer, { path, wrapTtl }: Omit<Admitted, "token">): Answer {
    return wrapTtl === 0 ? answer : this.#options.wraps.wrap(answer, { ttlSeconds: wrapTtl, path });
  }

  /** Logins, and what can be asked with or about a wrapping token. A token that is sent along with a login is not looked at. */
  async #answerUnauthenticated(asked: Omit<Admitted, "token">): Promise<Answered | undefined> {
    const { wraps, auth } = this.#options;
    if (asked.operation === "update" && asked.path.endsWith("/")) return { answer: plainError(400, "cannot write to a path ending in '/'"), by: "core" };
    const unwrapped = wraps.answerOpen(asked.path, asked.members["token"], tokenOf(asked.request.headers));
    if (unwrapped !== undefined) return { answer: unwrapped, by: "active" };
    const found = auth.find(asked);
    if (found !== undefined && isAnswer(found)) return found.isOpen === true ? { answer: found, by: "core" } : undefined;
    if (found?.route.open !== true) return undefined;
    return { answer: await this.#inTurn(() => auth.answer(asked, found)), by: "active" };
  }

  async #answerAuthenticated(asked: Omit<Admitted, "token">): Promise<Answered> {
    const admitted = this.#admit(asked);
    return isAnswer(admitted) ? { answer: admitted, by: "core" } : this.#dispatch(admitted);
  }

  #state(): Parameters<typeof answerOpen>[1] {
    const { product, clusterId, now } = this.#options;
    return { product, clusterId, sealed: this.sealed, standby: this.#lags, now: now() };
  }

  /** What the request asks for, with what: method, consistency headers and body. */
  #read(request: RecordedRequest, query: URLSearchParams): Pick<Admitted, "operation" | "members" | "wish" | "wrapTtl"> | Answer {
    const { product } = this.#options;
    const contentType = request.headers["content-type"];
    const operation = operationOf(request.method, query, contentType);
    if (isAnswer(operation)) return operation;
    const wish = product === "openbao" ? readWish(request.headers) : {};
    if (isAnswer(wish)) return wish;
    const isWrite = operation === "update" || operation === "patch";
    const body = isWrite ? readBody({ text: request.body, contentType }, product) : { members: queryMembers(query) };
    if ("refused" in body) return body.refused;
    const wrapTtl = readWrapTtl(request.headers["x-vault-wrap-ttl"]);
    return isAnswer(wrapTtl) ? wrapTtl : { operation, members: body.members, wish, wrapTtl };
  }

  #admit(asked: Omit<Admitted, "token">): Admitted | Answer {
    const { product, tokens, wraps } = this.#options;
    const { operation, path, namespace } = asked;
    const sent = tokenOf(asked.request.headers);
    if (wraps.spend(sent)) return framedError(403, "permission denied");
    const token = tokens.use(sent);
    // A login to a mount that does not exist looks like a missing token.
    if (token === undefined) return badToken(/^auth\/.+\/login(?:\/|$)/.test(path) ? undefined : sent, product);
    if (!isGranted(token, { namespace, path }, operation)) return framedError(403, "permission denied");
    return { ...asked, token };
  }

  async #dispatch(admitted: Admitted): Promise<Answered> {
    const { product, store, auth } = this.#options;
    const sys = answerSys({ ...this.#options, ...admitted });
    if (sys !== undefined) return { answer: sys, by: "active" };
    const method = auth.find(admitted);
    if (method !== undefined) return { answer: isAnswer(method) ? method : await auth.answer(admitted, method), by: "active" };
    const mount = store.findMount(admitted.namespace, admitted.path);
    if (mount === undefined) {
      return { answer: plainError(404, `no handler for route "${admitted.path}". route entry not found.`), by: "core" };
    }
    const found = findRoute(product, mount.rest, admitted.operation);
    if (isAnswer(found)) return { answer: found, by: "core" };
    return this.#route(admitted, { namespace: admitted.namespace, mount: mount.mount }, found);
  }

  /** A standby answers what stores nothing, unless it knows that it is behind; the rest it forwards. */
  async #route(admitted: Admitted, place: MountPlace, found: FoundRoute): Promise<Answered> {
    const { headers } = admitted.request;
    const readOnly = isReadOnly(found.route, admitted.operation);
    const node = readOnly ? this.#nodeFor(admitted.wish) : "active";
    if (isAnswer(node)) return { answer: node, by: "standby" };
    if (node === "standby") return { answer: await this.#call(admitted, place, found, "standby"), by: "standby" };
    if (this.#lags && !readOnly && headers["x-vault-no-request-forwarding"]) {
      const { pathname, search } = new URL(admitted.request.url);
      return { answer: { status: 307, headers: { location: ACTIVE_ADDRESS + pathname + search } }, by: "core" };
    }
    const work = (): Promise<Answer> => this.#call(admitted, place, found, "active");
    return { answer: await (readOnly ? work() : this.#inTurn(work)), by: "active" };
  }

  /** Who answers what stores nothing, given the index that the client has seen: the standby, while there is one, unless it knows better. */
  #nodeFor({ index, forward }: ConsistencyWish): "active" | "standby" | Answer {
    const reached = this.#options.store.staleIndex;
    if (reached === undefined) return "active";
    const behind = index !== undefined && index.cluster === this.#options.clusterId && index.value > reached;
    if (!behind) return "standby";
    return forward === true ? "active" : { ...plainError(429), headers: { "retry-after": "1" } };
  }

  async #inTurn(work: () => Promise<Answer>): Promise<Answer> {
    const before = this.#lastChange;
    const done = before.then(work);
    this.#lastChange = done.catch(() => undefined);
    return done;
  }

  async #call(admitted: Admitted, place: MountPlace, { route, captured }: FoundRoute, seenBy: "active" | "standby"): Promise<Answer> {
    const { product, store, now } = this.#options;
    const fields = readFields(route.schema, admitted.members, captured);
    if (!(fields instanceof Fields)) return fields;
    const handler = route.handlers[admitted.operation];
    if (handler === undefined) return framedError(405, "unsupported operation");
    return handler({
      product,
      fields,
      now,
      keys: store.keys(place, seenBy),
      put: (key) => store.put(place, key),
      remove: (name) => store.remove(place, name),
    });
  }
}

function readWish(headers: Readonly<Record<string, string>>): ConsistencyWish | Answer {
  const index = readIndex(headers["x-vault-index"]);
  if (isAnswer(index)) return index;
  const wish = headers["x-vault-inconsistent"] || "fail";
  if (wish !== "fail" && wish !== "forward-active-node") return plainError(400, 'unknown value for "X-Vault-Inconsistent" header');
  return { ...(index === undefined ? {} : { index }), forward: wish === "forward-active-node" };
}

/** Parameters of a GET, LIST or DELETE, without those that say what it is. */
function queryMembers(query: URLSearchParams): Record<string, unknown> {
  return Object.fromEntries([...query].filter(([name]) => name !== "list" && name !== "help"));
}
