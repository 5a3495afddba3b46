// The style of the page.
#include "tools/serve/page.h"

namespace pc {

const char* const kPageStyle = R"(
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--text:#1c2430;--soft:#566275;--line:#d9dee6;--accent:#1f5fae;--on:#fff;
--fill:#3f83d1;--track:#e6eaf0;--good:#17683a;--good-bg:#dff3e6;--warn:#7a4b00;--warn-bg:#fdeecb;--bad:#9b1c1c;--bad-bg:#fbe3e1}
@media (prefers-color-scheme:dark){:root{--page:#12161d;--card:#1b212b;--text:#e8ecf2;--soft:#a3afc0;--line:#323c4b;--accent:#6ea8ee;--on:#0e1726;
--fill:#4f8fdb;--track:#2a3342;--good:#8fdcae;--good-bg:#153524;--warn:#f3cd83;--warn-bg:#3a2d10;--bad:#f4a9a3;--bad-bg:#401c1b}}
*{box-sizing:border-box}[hidden]{display:none!important}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main,footer{max-width:68rem;margin:0 auto;padding:0 1rem}header{padding-top:1.5rem}
h1{font-size:1.6rem;line-height:1.2;margin:0}header p{margin:.3rem 0 1rem;color:var(--soft)}h2{font-size:1.1rem;margin:0}
main{display:grid;grid-template-columns:minmax(0,25rem) minmax(0,1fr);gap:1rem;align-items:start}
.card{background:var(--card);border:1px solid var(--line);border-radius:.9rem;padding:1rem;min-width:0}.wide{grid-column:1/-1}
#drop{display:grid;place-items:center;min-height:17rem;border:2px dashed var(--line);border-radius:.7rem;text-align:center;color:var(--soft);overflow:hidden}
#drop.filled{border-style:solid;border-width:1px;background:var(--page)}#drop.over{border-color:var(--accent);background:var(--track)}
#invite svg{width:4rem;fill:none;stroke:currentColor;stroke-width:3;stroke-linejoin:round}#invite p{margin:.5rem 0}
#stage{position:relative;line-height:0}#stage img{max-width:100%;max-height:24rem;border-radius:.4rem}
#heat{position:absolute;inset:0;width:100%;height:100%}
.buttons,.row{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;margin-top:.8rem}.row h2{flex:1}.row:first-child{margin-top:0}
.button{display:inline-flex;justify-content:center;align-items:center;min-height:2.75rem;padding:.4rem 1.1rem;border:1px solid var(--line);border-radius:.6rem;
background:var(--card);color:var(--text);font:inherit;font-weight:600;cursor:pointer;flex:1;white-space:nowrap}.row .button{flex:none}
.button.main{background:var(--accent);border-color:var(--accent);color:var(--on)}.button:hover{filter:brightness(1.08)}
.button:disabled{opacity:.5;cursor:default}.camera{display:none}@media (pointer:coarse){.camera{display:inline-flex}}
:focus-visible,.button:focus-within{outline:3px solid var(--accent);outline-offset:2px}#answer:focus,#metrics:focus{outline:none}
.hint,.small{color:var(--soft);font-size:.88rem;margin:.7rem 0 0}
#look{display:flex;flex-wrap:wrap;gap:.4rem .6rem;align-items:center;margin-top:.8rem}#look input{width:1.1rem;height:1.1rem;vertical-align:-.15rem}
select,#token{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.35rem .5rem;min-height:2.4rem;min-width:0}
#key{margin-top:1rem}#token{flex:2}
#status{margin:.4rem 0 .8rem;color:var(--soft)}#status.bad{color:var(--bad);font-weight:600}
.verdict{display:inline-flex;gap:.5rem;align-items:center;font-weight:700;border-radius:2rem;padding:.25rem .9rem;margin:0}
.accepted{color:var(--good);background:var(--good-bg)}.review{color:var(--warn);background:var(--warn-bg)}.stranger{color:var(--bad);background:var(--bad-bg)}
.path{font-size:1.35rem;line-height:1.3;font-weight:650;margin:.7rem 0 .2rem;overflow-wrap:anywhere}.path i{font-style:normal;color:var(--soft);font-weight:400}
.heads{margin:.9rem 0 0;padding:0;list-style:none}.heads>li{padding:.55rem 0;border-top:1px solid var(--line)}
.heads h3{display:flex;gap:.5rem;align-items:baseline;margin:0 0 .2rem;font-size:.85rem;font-weight:600;color:var(--soft)}
.unsure{font-weight:400}.unsure::before{content:"· "}
.guess{display:grid;grid-template-columns:minmax(0,11rem) minmax(2rem,1fr) 4.4rem;gap:.6rem;align-items:center}
.guess.first{font-weight:650}.guess span:first-child{overflow-wrap:anywhere;line-height:1.25}.guess span:last-child{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.track{height:.6rem;border-radius:.3rem;background:var(--track);overflow:hidden}.fill{display:block;height:100%;min-width:2px;border-radius:.3rem;background:var(--fill)}
details summary{cursor:pointer;color:var(--soft);font-size:.85rem;padding:.15rem 0;width:max-content}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(6rem,1fr));gap:.6rem}.grid figure{margin:0;font-size:.78rem;overflow-wrap:anywhere}
.grid img{width:100%;aspect-ratio:3/4;object-fit:contain;background:#fff;border-radius:.4rem}
progress{flex:1;height:.8rem;accent-color:var(--accent);min-width:8rem}
.scroll{overflow-x:auto;max-height:30rem;margin-top:.8rem;border-radius:.4rem}table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.45rem .7rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}
th{position:sticky;top:0;background:var(--card);color:var(--soft);font-weight:600}td.why{white-space:normal;min-width:12rem;color:var(--bad)}
td button{all:unset;color:var(--accent);cursor:pointer;text-decoration:underline;max-width:16rem;overflow:hidden;text-overflow:ellipsis;display:block}
pre{margin:0;font-size:.85rem}td button:focus-visible{outline:3px solid var(--accent)}td small{color:var(--soft)}
footer{padding:1rem;color:var(--soft);font-size:.9rem}a{color:var(--accent)}
.unseen{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.5rem;z-index:2}
@media (max-width:50rem){main{grid-template-columns:minmax(0,1fr)}.row h2{flex-basis:100%}.row .button{flex:1}#drop{min-height:12rem}#stage img{max-height:19rem}h1{font-size:1.35rem}
.guess{grid-template-columns:minmax(0,8.5rem) minmax(1.5rem,1fr) 4.4rem;gap:.5rem}}
@media (prefers-reduced-motion:no-preference){.fill{transition:width .3s}}
)";

}  // namespace pc
