/** The style of reports, on a page of their own and in the verifier's page. Colours keep a contrast of 4.5:1 or more. */
export const reportStyle = `
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #57606a; --paper: #fff; --panel: #f6f8fa; --line: #d0d7de;
  --good: #116329; --bad: #a40e26; --open: #7d4e00; --good-panel: #e9f7ed; --bad-panel: #fdecec; --open-panel: #fff6dd; --focus: #0550ae }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9da7b3; --paper: #0d1117; --panel: #161b22; --line: #30363d;
  --good: #56d364; --bad: #ff9492; --open: #e3b341; --good-panel: #0f2417; --bad-panel: #2d1214; --open-panel: #2a2008; --focus: #79c0ff } }
* { box-sizing: border-box }
body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 } h2 { font-size: 1.15rem; margin: 2.5rem 0 .6rem } h3 { font-size: 1rem; margin: 1.6rem 0 .4rem }
p { margin: .4rem 0 } .line { margin: 0 0 .15rem } .note { color: var(--quiet) }
code { font: .86em/1.5 ui-monospace, monospace; overflow-wrap: anywhere } td code, th code { display: inline-block; min-width: 11rem }
.verdict { border-left: .4rem solid var(--quiet); background: var(--panel); padding: 1.1rem 1.3rem; border-radius: .3rem }
.verdict.valid { border-color: var(--good); background: var(--good-panel) } .verdict.valid h1 { color: var(--good) }
.verdict.invalid { border-color: var(--bad); background: var(--bad-panel) } .verdict.invalid h1 { color: var(--bad) }
.verdict.indeterminate { border-color: var(--open); background: var(--open-panel) } .verdict.indeterminate h1 { color: var(--open) }
ul { margin: .4rem 0; padding-left: 1.3rem } li { overflow-wrap: anywhere; margin: .15rem 0 }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .25rem 1.2rem; margin: .6rem 0 }
dt { color: var(--quiet) } dd { margin: 0; overflow-wrap: anywhere }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .45rem 1.1rem .45rem 0; border-bottom: 1px solid var(--line); overflow-wrap: break-word; min-width: 5rem }
thead th { color: var(--quiet); font-weight: 600; white-space: nowrap } tbody th { font-weight: 500 }
.mark { font-weight: 600; white-space: nowrap } .mark.plain { font-weight: 400; color: var(--quiet) } .mark.good { color: var(--good) } .mark.bad { color: var(--bad) } .mark.open { color: var(--open) }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px } h1:focus { outline: none }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .6rem } body { padding-top: 1rem } }
@media print { body { max-width: none; padding: 0; font-size: 10px } .scroll { overflow: visible } th, td { min-width: 0; padding-right: .6rem; overflow-wrap: anywhere } thead th { white-space: normal }
  td code, th code { display: inline; min-width: 0 } tr, .verdict { break-inside: avoid } h2, h3 { break-after: avoid } }
`;
