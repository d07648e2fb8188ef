import "../tcp/index.ts";
