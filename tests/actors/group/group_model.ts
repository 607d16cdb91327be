/**
 * A model of a classic group, as a client sees it: what each request is answered, and when. It is written from the protocol,
 * not from the coordinator, and knows nothing of actors, logs and timers.
 *
 * Three clients: Ann is dynamic and of the time before KIP-394, Bob is dynamic and is given his id first, Cy is static.
 *
 * @module
 */

export const NAMES = ["ann", "bob", "cy"] as const;
export type Name = (typeof NAMES)[number];
/** A static member has its name for an instance id. */
export const STATIC: Name = "cy";
/** Whom the coordinator gives an id before it lets him in. */
export const INVITED: Name = "bob";

/** What can be done to the group. */
export type ModelEvent =
  /** With the id that the client has, if the group knows it; else as somebody new. `changed`: with another subscription. */
  | { readonly type: "join"; readonly who: Name; readonly changed: boolean }
  /** The static member's process was replaced: it has no member id. */
  | { readonly type: "return"; readonly who: Name }
  | { readonly type: "sync"; readonly who: Name }
  /** One request names them all, in this order. */
  | { readonly type: "leave"; readonly who: readonly Name[] }
  /** As much time passes as the group waits for somebody. */
  | { readonly type: "wait" }
  /** The coordinator dies, and another one takes over from its log. */
  | { readonly type: "restart" }
  | { readonly type: "delete" };

/** A member, as the coordinator has it. */
interface ModelMember {
  readonly name: Name;
  /** Which of the ids that its client was given. */
  readonly id: number;
  readonly changed: boolean;
  readonly joining: boolean;
  readonly syncing: boolean;
  readonly synced: boolean;
}

/** What a client remembers. */
interface ModelClient {
  /** 0 = it was never given one. */
  readonly id: number;
  /** How many ids were made for it, with those that it was never told. */
  readonly ids: number;
  /** -1 = none. */
  readonly generation: number;
}

/** What survives the coordinator. */
interface Durable {
  readonly generation: number;
  readonly leader: Name | null;
  readonly members: readonly Pick<ModelMember, "name" | "id" | "changed">[];
}

export interface Model {
  readonly state: "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable";
  readonly generation: number;
  readonly leader: Name | null;
  /** In the order in which they came. */
  readonly members: readonly ModelMember[];
  readonly invited: boolean;
  /** The group was empty and waits for more members: how often it may go on doing so, and whether somebody came. */
  readonly gathering: { readonly roundsLeft: number; readonly newcomers: boolean } | null;
  /** Whether members that do not sync are going to be removed. */
  readonly syncIsTimed: boolean;
  readonly durable: Durable | null;
  readonly clients: Readonly<Record<Name, ModelClient>>;
}

/** Nobody has ever heard of the group. */
export const UNHEARD_OF: Model = {
  state: "Empty",
  generation: 0,
  leader: null,
  members: [],
  invited: false,
  gathering: null,
  syncIsTimed: false,
  durable: null,
  clients: {
    ann: { id: 0, ids: 0, generation: -1 },
    bob: { id: 0, ids: 0, generation: -1 },
    cy: { id: 0, ids: 0, generation: -1 },
  },
};

/** What follows from an event: the next state, and what clients are told, in any order. */
export interface Consequence {
  readonly model: Model;
  readonly answers: readonly string[];
}

/** Whether the coordinator has the group at all. */
export function exists({ durable, state, invited }: Model): boolean {
  return durable !== null || state !== "Empty" || invited;
}

/** What a heartbeat is answered; null = nothing is wrong. */
export function heartbeatError(model: Model, who: Name): string | null {
  const stranger = strangerError(model, who);
  if (stranger !== null) return stranger;
  if (model.clients[who].generation !== model.generation) return "ILLEGAL_GENERATION";
  return model.state === "PreparingRebalance" ? "REBALANCE_IN_PROGRESS" : null;
}

/** What clients of these names can do in a state. */
export function possibleEvents(model: Model, names: readonly Name[]): ModelEvent[] {
  const { members, clients, durable, state } = model;
  const events: ModelEvent[] = [{ type: "delete" }];
  for (const who of names) {
    const { id, generation } = clients[who];
    const member = memberOf(model, who);
    // A client that does not know its id, because it waits for the answer, asks once.
    const mayJoin = !member || member.id === id || who === STATIC && id > 0;
    if (mayJoin) events.push({ type: "join", who, changed: false });
    // That one of them does is enough.
    if (member?.id === id && who === INVITED) events.push({ type: "join", who, changed: true });
    if (id > 0) events.push({ type: "leave", who: [who] });
    if (member?.id === id && generation >= 0) events.push({ type: "sync", who });
  }
  // Of requests that name several, those that mix members and who is invited: the rest is as if they were many.
  const leavers = [...members.map(({ name }) => name), INVITED];
  if (model.invited) {
    events.push({ type: "leave", who: leavers }, { type: "leave", who: leavers.toReversed() });
  }
  if (memberOf(model, STATIC)) events.push({ type: "return", who: STATIC });
  if (members.length > 0 || state === "PreparingRebalance") events.push({ type: "wait" });
  // A dynamic member that went and came back before its going was durable would be there twice.
  const isTwice = durable?.members.some(({ name, id }) =>
    name !== STATIC && clients[name].id !== id
  );
  if (!isTwice) events.push({ type: "restart" });
  return events;
}

/** What follows from an event. */
export function follow(model: Model, event: ModelEvent): Consequence {
  const step = new Step(model);
  step.take(event);
  return { model: step.model, answers: step.answers };
}

function memberOf({ members }: Model, who: Name): ModelMember | undefined {
  return members.find(({ name }) => name === who);
}

function strangerError(model: Model, who: Name): string | null {
  const member = memberOf(model, who);
  if (!member) return "UNKNOWN_MEMBER_ID";
  if (member.id === model.clients[who].id) return null;
  return who === STATIC ? "FENCED_INSTANCE_ID" : "UNKNOWN_MEMBER_ID";
}

/** One event, and what follows from it. */
class Step {
  readonly answers: string[] = [];

  constructor(public model: Model) {}

  take(event: ModelEvent): void {
    switch (event.type) {
      case "join":
        return this.#join(event.who, event.changed);
      case "return":
        return this.#return(event.who);
      case "sync":
        return this.#sync(event.who);
      case "leave":
        return this.#leave(event.who);
      case "wait":
        return this.#wait();
      case "restart":
        return this.#restart();
      case "delete":
        return this.#delete();
    }
  }

  #set(change: Partial<Model>): void {
    this.model = { ...this.model, ...change };
  }

  #change(who: Name, change: Partial<ModelMember>): void {
    const members = this.model.members.map((member) =>
      member.name === who ? { ...member, ...change } : member
    );
    this.#set({ members });
  }

  #remember(who: Name, change: Partial<ModelClient>): void {
    const { clients } = this.model;
    this.#set({ clients: { ...clients, [who]: { ...clients[who], ...change } } });
  }

  #tell(who: Name, call: "join" | "sync" | "leave", what: string): void {
    this.answers.push(`${who} ${call}: ${what}`);
  }

  /** Answers the requests of a member that wait. */
  #fail({ name, joining, syncing }: ModelMember, error: string): void {
    if (joining) this.#tell(name, "join", error);
    if (syncing) this.#tell(name, "sync", error);
    this.#change(name, { joining: false, syncing: false });
  }

  #join(who: Name, changed: boolean): void {
    const member = memberOf(this.model, who);
    if (!member) return this.#enter(who);
    const error = strangerError(this.model, who);
    if (error !== null) return this.#tell(who, "join", error);
    const isOther = changed !== member.changed;
    const { state, leader } = this.model;
    if (
      state === "CompletingRebalance" && !isOther ||
      state === "Stable" && !isOther && leader !== who
    ) {
      return this.#tellGeneration(who);
    }
    if (member.joining) this.#tell(who, "join", "REBALANCE_IN_PROGRESS");
    if (state !== "PreparingRebalance") this.#prepare();
    this.#change(who, { joining: true, changed });
    this.#goOn();
  }

  #newId(who: Name): number {
    const ids = this.model.clients[who].ids + 1;
    this.#remember(who, { ids });
    return ids;
  }

  #enter(who: Name): void {
    const { state, gathering, invited, clients, leader } = this.model;
    if (who === INVITED && !invited) {
      this.#remember(who, { id: this.#newId(who), generation: -1 });
      this.#set({ invited: true });
      return this.#tell(who, "join", "MEMBER_ID_REQUIRED");
    }
    if (who === INVITED) this.#set({ invited: false });
    if (state === "Empty") {
      this.#set({ state: "PreparingRebalance", gathering: { roundsLeft: 1, newcomers: false } });
    } else if (gathering !== null) this.#set({ gathering: { ...gathering, newcomers: true } });
    else if (state !== "PreparingRebalance") this.#prepare();
    const id = who === INVITED ? clients[who].id : this.#newId(who);
    const member = { name: who, id, changed: false, joining: true, syncing: false, synced: false };
    this.#set({ members: [...this.model.members, member], leader: leader ?? who });
    this.#goOn();
  }

  /** KIP-345: the one before is fenced; the group goes on as it is if nobody waits for anything. */
  #return(who: Name): void {
    this.#fail(memberOf(this.model, who)!, "FENCED_INSTANCE_ID");
    const member = { ...memberOf(this.model, who)!, id: this.#newId(who), changed: false };
    const others = this.model.members.filter(({ name }) => name !== who);
    this.#set({ members: [...others, member] });
    if (this.model.state === "Stable") {
      this.#persist();
      return this.#tellGeneration(who, this.model.leader === who ? ", as it is" : "");
    }
    if (this.model.state !== "PreparingRebalance") this.#prepare();
    this.#change(who, { joining: true });
    this.#goOn();
  }

  #sync(who: Name): void {
    const error = heartbeatError(this.model, who);
    if (error !== null) return this.#tell(who, "sync", error);
    if (this.model.state === "Stable") return this.#tellAssignment(who);
    if (memberOf(this.model, who)!.syncing) this.#tell(who, "sync", "REBALANCE_IN_PROGRESS");
    this.#change(who, { syncing: true, synced: true });
    if (this.model.leader !== who) return;
    this.#set({ state: "Stable" });
    this.#persist();
    for (const { name, syncing } of this.model.members) if (syncing) this.#tellAssignment(name);
  }

  /** What follows is decided when all have gone. */
  #leave(names: readonly Name[]): void {
    const left: Name[] = [];
    let uninvited = false;
    for (const who of names) {
      const isInvited = who === INVITED && this.model.invited;
      const error = isInvited ? null : strangerError(this.model, who);
      this.#tell(who, "leave", error ?? "well");
      if (isInvited) {
        this.#set({ invited: false });
        uninvited = true;
      } else if (error === null) {
        this.#fail(memberOf(this.model, who)!, "UNKNOWN_MEMBER_ID");
        left.push(who);
      }
    }
    this.#remove(left);
    if (left.length > 0 && this.model.state !== "PreparingRebalance") this.#rebalance();
    else if (left.length > 0 || uninvited) this.#goOn();
  }

  #wait(): void {
    const { state, gathering, syncIsTimed } = this.model;
    if (state === "PreparingRebalance") {
      if (gathering !== null && gathering.roundsLeft > 0 && gathering.newcomers) {
        return this.#set({ gathering: { roundsLeft: gathering.roundsLeft - 1, newcomers: false } });
      }
      return this.#endJoinPhase();
    }
    this.#set({ syncIsTimed: false });
    const unsynced = this.model.members.filter(({ synced }) => !synced).map(({ name }) => name);
    if (!syncIsTimed || unsynced.length === 0) return;
    this.#remove(unsynced);
    this.#rebalance();
  }

  /** Those who are left join again. Nobody waits for somebody who is invited if there is nobody else. */
  #rebalance(): void {
    this.#prepare();
    if (this.model.members.length === 0) this.#empty();
  }

  /** Time is up: dynamic members that have not joined are out; static ones keep their places. */
  #endJoinPhase(): void {
    this.#set({ gathering: null });
    const late = this.model.members.filter(({ name, joining }) => !joining && name !== STATIC);
    this.#remove(late.map(({ name }) => name));
    if (this.model.members.length === 0) this.#empty();
    else if (this.model.members.some(({ joining }) => joining)) this.#complete();
  }

  #remove(names: readonly Name[]): void {
    const members = this.model.members.filter(({ name }) => !names.includes(name));
    const { leader } = this.model;
    const stays = members.some(({ name }) => name === leader);
    this.#set({ members, leader: stays ? leader : members[0]?.name ?? null });
  }

  #prepare(): void {
    for (const member of this.model.members) {
      if (member.syncing) this.#fail(member, "REBALANCE_IN_PROGRESS");
    }
    this.#set({ state: "PreparingRebalance", syncIsTimed: false });
  }

  /** Ends the join phase if there is nobody to wait for. */
  #goOn(): void {
    const { state, gathering, members, invited } = this.model;
    if (state !== "PreparingRebalance" || gathering !== null) return;
    if (invited) return;
    if (members.length === 0) this.#empty();
    else if (members.every(({ joining }) => joining)) this.#complete();
  }

  #empty(): void {
    this.#set({ state: "Empty", generation: this.model.generation + 1, leader: null });
    this.#persist();
  }

  #complete(): void {
    const { members, leader, generation } = this.model;
    const joined = members.filter(({ joining }) => joining).map(({ name }) => name);
    this.#set({
      state: "CompletingRebalance",
      generation: generation + 1,
      leader: joined.includes(leader!) ? leader : joined[0],
      members: members.map((member) => ({ ...member, joining: false, synced: false })),
      syncIsTimed: true,
    });
    for (const name of joined) this.#tellGeneration(name);
  }

  #tellGeneration(who: Name, more = ""): void {
    const { generation, leader, members } = this.model;
    this.#remember(who, { id: memberOf(this.model, who)!.id, generation });
    const led = leader === who ? ` of ${members.map(({ name }) => name)}` : "";
    this.#tell(who, "join", `generation ${generation}${led}, ${leader} leads${more}`);
  }

  #tellAssignment(who: Name): void {
    this.#change(who, { syncing: false, synced: true });
    this.#tell(who, "sync", `what generation ${this.model.generation} has for ${who}`);
  }

  #persist(): void {
    const { generation, leader, members } = this.model;
    const told = members.map(({ name, id, changed }) => ({ name, id, changed }));
    this.#set({ durable: { generation, leader, members: told } });
  }

  #restart(): void {
    const { durable, clients } = this.model;
    for (const member of this.model.members) this.#fail(member, "NOT_COORDINATOR");
    this.model = { ...UNHEARD_OF, clients };
    if (durable === null) return;
    const loaded = { joining: false, syncing: false, synced: true };
    this.#set({
      ...durable,
      durable,
      state: durable.members.length === 0 ? "Empty" : "Stable",
      members: durable.members.map((member) => ({ ...member, ...loaded })),
    });
  }

  #delete(): void {
    if (!exists(this.model)) this.answers.push("delete: GROUP_ID_NOT_FOUND");
    else if (this.model.state !== "Empty") this.answers.push("delete: NON_EMPTY_GROUP");
    else {
      this.model = { ...UNHEARD_OF, clients: this.model.clients };
      this.answers.push("delete: well");
    }
  }
}

/** What distinguishes a state from others: of generations not their numbers, but how far they are apart. */
export function outline(model: Model): string {
  const { state, leader, invited, gathering, syncIsTimed, durable, clients, generation } = model;
  const knows = ({ name, id }: Pick<ModelMember, "name" | "id">) => clients[name].id === id;
  const apart = (other: number) => other < 0 ? null : Math.max(-2, Math.min(other - generation, 2));
  return JSON.stringify([
    ...[state, leader, invited, gathering, syncIsTimed],
    model.members.map((member) => [
      ...[member.name, member.changed, member.joining, member.syncing, member.synced],
      // Who does not know its own id is a stranger, whatever its generation.
      knows(member) && apart(clients[member.name].generation),
    ]),
    NAMES.map((name) => clients[name].id > 0),
    durable && [
      apart(durable.generation),
      durable.leader,
      durable.members.map((member) => [member.name, knows(member), member.changed]),
    ],
  ]);
}
