// npm run bench:long: the sizes that take minutes, each figure beside its target as in `npm run bench`.
import { benchLog } from "./log.ts";
import { renderTable } from "./report.ts";

console.log(renderTable(await benchLog({ quick: false }, [1000, 1_000_000, 10_000_000])));
