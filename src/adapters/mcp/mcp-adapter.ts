import type { Adapter } from "../../adapter/adapter.ts";
import { faultOf } from "../../adapter/fault.ts";
import { callTool } from "./call-tool.ts";
import { type HttpParameters, httpParameters } from "./parameters.ts";

/** One tool of an MCP server over streamable HTTP; its definition is pinned and compared before the call. */
export const mcp: Adapter = {
  id: "mcp",
  version: "1.0.0",
  egress: "guarded",
  isolation: "in-process",
  parameters: httpParameters,
  async run(call) {
    const asked = call.with as HttpParameters;
    let failure: unknown;
    try {
      const url = new URL(asked.url);
      // Only now: what these import costs a sixth of a short command's time, and more.
      const { guardedFetch } = await import("./guarded-fetch.ts");
      const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
      const transport = new StreamableHTTPClientTransport(url, {
        fetch: guardedFetch(call, url.origin, (error) => {
          failure = error;
        }),
        reconnectionOptions: {
          maxRetries: 0,
          initialReconnectionDelay: 1000,
          maxReconnectionDelay: 1000,
          reconnectionDelayGrowFactor: 1,
        },
      });
      return await callTool(call, asked, transport, () => failure);
    } catch (error) {
      return { ok: false, fault: faultOf(error, "response", call.signal) };
    }
  },
};
