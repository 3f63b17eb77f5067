extension ScenarioPage {
    /// The page's style: light or dark as the reader's system is, and black on white on paper.
    static let style = """
        :root { color-scheme: light dark;
          --ground: #ffffff; --ink: #1c1f23; --faint: #5f6873; --rule: #d9dee3; --panel: #f5f7f9;
          --good: #147a3d; --bad: #b3261e;
          --c0: #2468b4; --c1: #d2691e; --c2: #1d8a66; --c3: #a13f97; --c4: #8a6d00; --c5: #c2334d; --c6: #4b53c4;
          --c7: #5d6b78; }
        @media (prefers-color-scheme: dark) { :root {
          --ground: #15181c; --ink: #e6e9ec; --faint: #9aa4ae; --rule: #343b43; --panel: #1e2329;
          --good: #5ccf88; --bad: #ff8a80;
          --c0: #6cb0f2; --c1: #f2a25c; --c2: #57c79f; --c3: #d98fd2; --c4: #d6b94a; --c5: #f0849a; --c6: #9aa1f5;
          --c7: #a9b5c0; } }
        @media print { :root { color-scheme: light;
          --ground: #ffffff; --ink: #000000; --faint: #444444; --rule: #dddddd; --panel: #ffffff;
          --good: #0a5c2b; --bad: #8f1d17;
          --c0: #2468b4; --c1: #d2691e; --c2: #1d8a66; --c3: #a13f97; --c4: #8a6d00; --c5: #c2334d; --c6: #4b53c4;
          --c7: #5d6b78; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 24px 20px 48px; max-width: 1160px; background: var(--ground);
          color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
        h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 34px 0 10px; }
        p { margin: 6px 0; max-width: 76ch; } .faint { color: var(--faint); }
        .warning { border-left: 4px solid var(--bad); padding: 4px 12px; background: var(--panel); }
        .tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0; }
        .tile { flex: 1 1 140px; padding: 10px 14px; background: var(--panel); border: 1px solid var(--rule);
          border-radius: 6px; }
        .tile b { display: block; font-size: 21px; font-weight: 600; line-height: 1.3; }
        .tile span { color: var(--faint); font-size: 13px; }
        .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 18px 24px; }
        figure { margin: 0; break-inside: avoid; min-width: 0; }
        figcaption { font-size: 14px; } figcaption strong { font-weight: 600; margin-right: 4px; }
        figure > svg { display: block; width: 100%; height: auto; }
        svg text { fill: var(--faint); font: 12px system-ui, Helvetica, Arial, sans-serif; }
        .grid { stroke: var(--rule); stroke-width: 1; } .axis, .tick { stroke: var(--faint); stroke-width: 1; }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; } .dashed { stroke-dasharray: 6 4; }
        .c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); }
        .c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); } .c6 { stroke: var(--c6); } .c7 { stroke: var(--c7); }
        .dot { fill: none; stroke-width: 3; }
        .legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; }
        .swatch { width: 24px; height: 8px; margin-right: 6px; vertical-align: middle; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100%; }
        th, td { padding: 4px 8px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
        thead th { color: var(--faint); font-weight: 500; vertical-align: bottom; }
        .text, .group { text-align: left; } .group { padding-top: 12px; font-weight: 600; }
        td.text + td.text { white-space: normal; } .indent { padding-left: 14px; }
        .meter { display: inline-block; width: 56px; height: 9px; margin-right: 8px; border: 1px solid var(--rule);
          background: var(--panel); } .meter i { display: block; height: 100%; background: var(--c0); }
        .better { color: var(--good); font-weight: 600; } .worse { color: var(--bad); font-weight: 600; }
        pre { background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 12px;
          overflow-x: auto; font: 12.5px/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }
        @media print { body { padding: 0; max-width: none; font-size: 11px; } h2 { break-after: avoid; }
          .plots { display: block; }
          figure { display: inline-block; width: 49%; vertical-align: top; }
          table { font-size: 8.5px; } th, td { padding: 2px 3px; }
          .scroll { overflow: visible; } .meter { display: none; } .legend { font-size: 9px; }
          pre { white-space: pre-wrap; } .meter i { print-color-adjust: exact; } }
        """
}
