import "../cli/main.ts";
import "../page/main.ts";
