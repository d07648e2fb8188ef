import type { Adapter } from "../adapter/adapter.ts";
import { dns } from "./dns/dns-adapter.ts";
import { exec } from "./exec/exec-adapter.ts";
import { file } from "./file/file-adapter.ts";
import { git } from "./git/git-adapter.ts";
import { http } from "./http/http-adapter.ts";
import { ldap } from "./ldap/ldap-adapter.ts";
import { manual } from "./manual/manual-adapter.ts";
import { mcp } from "./mcp/mcp-adapter.ts";
import { mcpStdio } from "./mcp/mcp-stdio-adapter.ts";
import { openapi } from "./openapi/openapi-adapter.ts";
import { s3 } from "./s3/s3-adapter.ts";
import { smtp } from "./smtp/smtp-adapter.ts";
import { sql } from "./sql/sql-adapter.ts";
import { ssh } from "./ssh/ssh-adapter.ts";
import { tcp } from "./tcp/tcp-adapter.ts";
import { tls } from "./tls/tls-adapter.ts";
import { wait } from "./wait/wait-adapter.ts";

/** Every adapter there is; contracts name them by `id`. */
export const adapters: readonly Adapter[] = [
  dns,
  exec,
  file,
  git,
  http,
  ldap,
  manual,
  mcp,
  mcpStdio,
  s3,
  openapi,
  smtp,
  sql,
  ssh,
  tcp,
  tls,
  wait,
];
