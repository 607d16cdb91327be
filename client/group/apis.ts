import {
  deleteGroupsRequest,
  deleteGroupsResponse,
} from "../../protocol/messages/42_delete_groups.ts";
import {
  describeGroupsRequest,
  describeGroupsResponse,
} from "../../protocol/messages/15_describe_groups.ts";
import { listGroupsRequest, listGroupsResponse } from "../../protocol/messages/16_list_groups.ts";
import {
  offsetDeleteRequest,
  offsetDeleteResponse,
} from "../../protocol/messages/47_offset_delete.ts";
import { heartbeatRequest, heartbeatResponse } from "../../protocol/messages/12_heartbeat.ts";
import { joinGroupRequest, joinGroupResponse } from "../../protocol/messages/11_join_group.ts";
import { leaveGroupRequest, leaveGroupResponse } from "../../protocol/messages/13_leave_group.ts";
import {
  offsetCommitRequest,
  offsetCommitResponse,
} from "../../protocol/messages/08_offset_commit.ts";
import {
  offsetFetchRequest,
  offsetFetchResponse,
} from "../../protocol/messages/09_offset_fetch.ts";
import { syncGroupRequest, syncGroupResponse } from "../../protocol/messages/14_sync_group.ts";
import { api } from "../apis.ts";

export const JOIN_GROUP = api(joinGroupRequest, joinGroupResponse);
export const SYNC_GROUP = api(syncGroupRequest, syncGroupResponse);
export const HEARTBEAT = api(heartbeatRequest, heartbeatResponse);
export const LEAVE_GROUP = api(leaveGroupRequest, leaveGroupResponse);
export const OFFSET_COMMIT = api(offsetCommitRequest, offsetCommitResponse);
export const OFFSET_FETCH = api(offsetFetchRequest, offsetFetchResponse);
export const LIST_GROUPS = api(listGroupsRequest, listGroupsResponse);
export const DESCRIBE_GROUPS = api(describeGroupsRequest, describeGroupsResponse);
export const DELETE_GROUPS = api(deleteGroupsRequest, deleteGroupsResponse);
export const OFFSET_DELETE = api(offsetDeleteRequest, offsetDeleteResponse);
