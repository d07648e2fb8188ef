import "../cli/main.ts";
