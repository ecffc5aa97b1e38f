// Style of what the R1 report has beyond the training report.
#include "report/r1_page.h"

namespace weir {

const char* const kR1ReportStyle = R"css(
.lead, .note { margin: -6px 0 12px; color: var(--soft); font-size: 13px; max-width: 110ch; }
.note { margin: 8px 2px 0; }
.numbers { grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); }
.number .value { font-size: 32px; }
.wide { grid-column: 1 / -1; }
.exact { display: flex; flex-direction: column; justify-content: center; }
.exact b { font-size: 15px; } .exact .value { font-size: 44px; font-weight: 650; line-height: 1.3; }
.exact p { margin: 0; color: var(--soft); font-size: 13px; }
.dot::before { content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%;
  background: var(--c); margin-right: 7px; }
.conclusion { margin: 0 0 14px; } .conclusion p { margin: 0 0 6px; }
.conclusion p:last-child { margin: 0; } .conclusion b { font-size: 17px; line-height: 1.45; }
.conclusion code { overflow-wrap: anywhere; }
.swipe { display: none; }
.scroll { overflow-x: auto; padding: 6px 0 10px;
  background: linear-gradient(to right, var(--card) 40%, transparent) left / 40px 100% no-repeat local,
    linear-gradient(to left, var(--card) 40%, transparent) right / 40px 100% no-repeat local,
    linear-gradient(to right, var(--shade), transparent) left / 16px 100% no-repeat scroll,
    linear-gradient(to left, var(--shade), transparent) right / 16px 100% no-repeat scroll,
    var(--card); --shade: rgba(110, 120, 135, .45); }
.stages { font-variant-numeric: tabular-nums; border-spacing: 0; border-collapse: separate; }
.stages tr > * { border: 0; padding: 5px 12px; vertical-align: baseline; }
.stages thead th { color: var(--ink); font-weight: 600; text-align: right; min-width: 126px;
  width: 14%;
  white-space: normal; overflow-wrap: anywhere; border-bottom: 3px solid var(--c);
  vertical-align: bottom; line-height: 1.25; padding-top: 8px; }
.stages small { font-size: 11.5px; font-weight: 400; color: var(--soft); line-height: 1.3; }
.stages thead small { display: block; }
.stages td small { display: inline-block; min-width: 44px; margin-left: 5px; }
.stages .total th, .stages .total b { font-weight: 600; }
.stages tbody th { color: var(--ink); position: sticky; left: 0; z-index: 1; max-width: 340px;
  background: var(--card); padding-left: 18px; white-space: normal; min-width: 128px; }
.stages thead td { position: sticky; left: 0; background: var(--card); z-index: 1; }
.stages .part th { padding-left: 34px; color: var(--soft); }
.stages .group th { padding-top: 20px; color: var(--soft); font-size: 12.5px; font-weight: 650;
  max-width: none; }
.stages tbody td { text-align: right; position: relative; white-space: nowrap;
  overflow-wrap: normal; border-bottom: 1px solid var(--line); }
.stages tbody tr:not(.group) th { border-bottom: 1px solid var(--line); }
.stages td b { font-weight: 400; }
.stages td[style]::before { content: ""; position: absolute; left: 8px; bottom: -1px; height: 2px;
  width: calc((100% - 16px) * var(--n)); background: var(--soft); opacity: .35; }
.stages td.best b { color: var(--c1); font-weight: 700; }
.stages td.best::before { background: var(--c1); opacity: .9; }
.stages .part td b { font-size: 13.5px; }
.stages .empty { color: var(--soft); }
b.best { color: var(--c1); }
.mark-new { display: inline-block; font-size: 11px; line-height: 1.5; padding: 0 7px;
  border-radius: 99px; border: 1px solid var(--c2); color: var(--c2); white-space: nowrap; }
.question .family { margin: 0 0 4px; font-size: 12px; letter-spacing: .06em; color: var(--soft);
  text-transform: uppercase; }
.question, .others { margin-bottom: 12px; }
.others summary { margin: 4px 2px 12px; }
.asked { font-size: 16px; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 220px;
  overflow-y: auto; }
.gold { margin: 4px 0 0; font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
.gold b { color: var(--ink); }
.replies { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 188px), 1fr));
  gap: 14px; margin-top: 14px; }
.reply { border-top: 3px solid var(--c); padding-top: 6px; min-width: 0; overflow: hidden; }
.who { display: flex; flex-wrap: wrap; gap: 0 8px; justify-content: space-between; margin: 0 0 6px;
  font-size: 13px; }
.reply .dot::before { display: none; }
.who b { overflow-wrap: anywhere; }
.verdict { font-size: 12px; font-weight: 600; } .verdict::before { margin-right: 4px; }
.verdict.right { color: var(--c3); } .verdict.right::before { content: "✓"; }
.verdict.wrong { color: var(--c1); } .verdict.wrong::before { content: "✗"; }
.verdict.unclear { color: var(--c4); } .verdict.unclear::before { content: "?"; }
.thinking, .answer { white-space: pre-wrap; overflow-wrap: anywhere; }
.thinking { color: var(--soft); font-size: 13px; line-height: 1.45; max-height: 260px;
  overflow-y: auto; padding-bottom: 6px; }
.answer { font-weight: 600; font-size: 14px; line-height: 1.45; max-height: 220px; overflow-y: auto; }
.answer.none { font-weight: 400; font-style: italic; }
.more { color: var(--soft); font-weight: 400; font-size: 12px; }
.times .legend { margin: 0 0 10px; justify-content: flex-end; }
.p0 { --c: var(--c0); } .p1 { --c: var(--c1); } .p2 { --c: var(--c2); } .p3 { --c: var(--c4); }
.p4 { --c: var(--soft); }
.time { display: grid; grid-template-columns: 1fr auto; gap: 2px 14px; padding: 9px 0; }
.time + .time { border-top: 1px solid var(--line); }
.time p { margin: 0; } .time span, .time .words { color: var(--soft); font-size: 13px; }
.time .cost { text-align: right; font-size: 13px; font-variant-numeric: tabular-nums; }
.time .words, .time .bar { grid-column: 1 / -1; }
.bar { display: flex; gap: 2px; height: 12px; }
.bar i { background: var(--c); min-width: 1px; border-radius: 2px; }
.rewards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr));
  gap: 18px 26px; }
.reward p { margin: 2px 0 6px; color: var(--soft); font-size: 13.5px; }
.reward ul { margin: 0; padding: 0; list-style: none; font-size: 13.5px;
  font-variant-numeric: tabular-nums; }
.reward li b { font-weight: 500; } .reward li span { color: var(--soft); }
.settings .card { margin-bottom: 8px; }
.area .span { white-space: nowrap; }
@media (max-width: 900px) { .swipe { display: block; } }
@media print { .swipe { display: none !important; } .scroll { background: none; } }
@media (max-width: 520px) { .stages tbody th { min-width: 116px; max-width: 128px;
    padding-left: 12px; font-size: 13px; overflow-wrap: anywhere; }
  .stages .part th { padding-left: 20px; } .stages tr > * { padding: 5px 8px; }
  .stages thead th { min-width: 92px; font-size: 13px; overflow-wrap: normal; hyphens: auto; }
  .stages thead small { font-size: 10.5px; }
  .stages .group th { position: static; } .time { grid-template-columns: 1fr; }
  .time .cost { text-align: left; } .numbers { grid-template-columns: 1fr 1fr; gap: 8px; }
  .number { padding: 10px 12px; }
  .number .value { font-size: 21px; white-space: normal; } .number small { margin-left: 3px; }
  .stages td small { display: block; margin: 0; min-width: 0; } }
@media print { .grid { grid-template-columns: 1fr 1fr; }
  .grid .tall .area { height: 190px; } .card.scroll { break-inside: auto; }
  .stages tr { break-inside: avoid; }
  .scroll, .thinking, .answer, .asked { overflow: visible; max-height: none; }
  .stages { font-size: 10.5px; } .stages thead th { min-width: 0; }
  .stages tr > * { padding: 3px 6px; }
  .stages tbody th { min-width: 0; position: static; }
  .bar i, .key::before, .dot::before { print-color-adjust: exact;
    -webkit-print-color-adjust: exact; } }
)css";

}  // namespace weir
