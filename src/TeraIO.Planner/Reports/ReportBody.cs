using System.Globalization;
using System.Net;
using System.Text;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Reports;

/// <summary>The part of the page that needs no script: figures, tables, legends and the places where charts go.</summary>
internal sealed class ReportBody(IterationReport report)
{
    private readonly StringBuilder _html = new();
    private readonly SimulationResult _simulation = report.Simulation;

    public string ToText()
    {
        Header();
        Tiles();
        Memory();
        Lifetimes();
        Paths();
        Stalls();
        Bounds();
        Comparison();
        Endurance();
        Facts();
        return _html.ToString();
    }

    private void Header()
    {
        Line($"<header><h1>{Text(report.Trace.Name)}</h1>");
        Line($"<p class=\"lead\">One training iteration under the policy <b>{Text(report.Policy)}</b> with {Figures.Bytes(report.Machine.MemoryBudget)} of memory, as simulated.</p></header>");
    }

    private void Tiles()
    {
        Line("<div class=\"tiles\">");
        double share = _simulation.StepSeconds > 0 ? _simulation.IdealSeconds / _simulation.StepSeconds : 1;
        Tile("Step time", Figures.Seconds(_simulation.StepSeconds), $"{Figures.Percent(share)} of the speed with unlimited memory ({Figures.Seconds(_simulation.IdealSeconds)})");
        Tile("Stall", Figures.Seconds(_simulation.StallSeconds), $"{Figures.Percent(Share(_simulation.StallSeconds, _simulation.StepSeconds))} of the step, {Figures.Count(report.Stalls.StalledOps)} ops waited");
        Tile("Peak memory", Figures.Bytes(_simulation.PeakBytes), $"{Figures.Percent(Share(_simulation.PeakBytes, report.UnlimitedPeakBytes))} of the {Figures.Bytes(report.UnlimitedPeakBytes)} without a plan");
        Tile("SSD read", Figures.Bytes(_simulation.BytesRead), "per iteration");
        Tile("SSD written", Figures.Bytes(_simulation.BytesWritten), "per iteration");
        if (report.Machine.Host is not null)
            Tile("Host memory", Figures.Bytes(_simulation.HostBytesRead), $"copied in, {Figures.Bytes(_simulation.HostBytesWritten)} copied out");
        if (report.Bound is { StepSeconds: > 0 } bound)
            Tile("Gap to bound", Figures.Percent((_simulation.StepSeconds / bound.StepSeconds) - 1), $"no plan is faster than {Figures.Seconds(bound.StepSeconds)}");
        Line("</div>");
    }

    private void Memory()
    {
        Line("<section><div class=\"heading\"><h2>Memory over the iteration</h2><button id=\"reset\" class=\"screen\" type=\"button\" disabled=\"disabled\">Whole iteration</button></div>");
        Line("<p class=\"note\">Bytes in memory while each op runs. The grey line is what the same ops would hold if nothing left memory. <span class=\"screen\">Drag across a chart to zoom all of them; double-click to zoom out.</span></p>");
        Legend(("rule", "with", "with the plan"), ("rule", "without", "without a plan"), ("dashed", "budget", $"budget {Figures.Bytes(report.Machine.MemoryBudget)}"));
        Plot("memory", "Bytes in memory over the iteration, with and without the plan");
        Line("</section>");
    }

    private void Lifetimes()
    {
        if (report.Lifetimes.Count == 0) return;
        Line("<section><h2>Lifetimes of the largest tensors</h2>");
        Line($"<p class=\"note\">{report.Lifetimes.Count} of {Figures.Count(report.TensorCount)} tensors, those with the greatest size x lifetime, by first use. Marks are uses; a dotted line is time spent outside memory.</p>");
        var kinds = report.Lifetimes.Select(static r => r.Kind).Distinct().Order().Select(static k => ("", ReportData.ClassOf(k), Figures.Kind(k)));
        Legend([.. kinds, ("", "write", "leaving memory"), ("", "read", "coming back")]);
        Plot("lifetimes", "When the largest tensors exist, are used, and are outside memory");
        Line("</section>");
    }

    private void Paths()
    {
        Line("<section><h2>Use of the paths</h2>");
        Line("<p class=\"note\">Share of each path's bandwidth that transfers use.</p>");
        for (int i = 0; i < report.Paths.Count; i++)
        {
            PathUtilisation path = report.Paths[i];
            Legend(("", ReportData.ClassOf(path), $"{path.Name}: {Figures.Bytes(path.Bytes)} per iteration, {Figures.Percent(path.MeanShare)} of {Figures.Rate(path.Bandwidth)} on average"));
            Plot(string.Create(CultureInfo.InvariantCulture, $"path-{i}"), path.Name + " rate over the iteration");
        }

        Line("</section>");
    }

    private void Stalls()
    {
        Line("<section><h2>Stalls and their causes</h2>");
        if (report.Stalls.StalledOps == 0)
        {
            Line("<p class=\"note\">No op waits for a transfer.</p></section>");
            return;
        }

        Legend([.. report.Stalls.SecondsByCause.Select(static p => ("", ReportData.ClassOf(p.Key), $"{Figures.Cause(p.Key)}: {Figures.Seconds(p.Value)}"))]);
        Plot("stalls", "Share of the time that ops wait, by cause");
        Line("<div class=\"scroll\"><table><thead><tr><th>Op</th><th class=\"left\">Name</th><th>At</th><th>Waited</th><th class=\"left\">Cause</th><th class=\"left\">Last to arrive or leave</th></tr></thead><tbody>");
        foreach (StalledOp stall in report.Stalls.Longest)
        {
            string name = stall.Module is { } module ? $"{stall.Name} ({module})" : stall.Name;
            string waitedFor = stall.WaitedFor is { } tensor ? report.TensorNames[tensor] : "";
            Line($"<tr><td>{stall.Op}</td><td class=\"left wrap\">{Text(name)}</td><td>{Figures.Seconds(Math.Max(0, stall.Start))}</td><td>{Figures.Seconds(stall.Seconds)}</td>"
                + $"<td class=\"left\"><span class=\"badge\" style=\"background:var(--{ReportData.ClassOf(stall.Cause)})\">{Figures.Cause(stall.Cause)}</span></td><td class=\"left wrap\">{Text(waitedFor)}</td></tr>");
        }

        Line("</tbody></table></div>");
        if (report.Stalls.StalledOps > report.Stalls.Longest.Count)
            Line($"<p class=\"note\">The longest {report.Stalls.Longest.Count} of {Figures.Count(report.Stalls.StalledOps)}.</p>");
        Line("</section>");
    }

    private void Bounds()
    {
        if (report.Bound is not { } bound) return;
        Line("<section><h2>Gap to the lower bound</h2>");
        Line("<p class=\"note\">The bound holds for every plan that keeps the order of the ops and recomputes nothing; it need not be reachable.</p><div class=\"bars\">");
        Bars("Time per iteration", Figures.Seconds, ("unlimited", _simulation.IdealSeconds, "without"), ("lower bound", bound.StepSeconds, "good"), ("this plan", _simulation.StepSeconds, "with"));
        Bars("Read from SSD", Figures.Bytes, ("lower bound", bound.BytesRead, "good"), ("this plan", _simulation.BytesRead, "with"));
        Bars("Written to SSD", Figures.Bytes, ("lower bound", bound.BytesWritten, "good"), ("this plan", _simulation.BytesWritten, "with"));
        Line("</div></section>");
    }

    private void Bars(string title, Func<double, string> format, params ReadOnlySpan<(string Name, double Value, string Colour)> bars)
    {
        double most = 0;
        foreach ((_, double value, _) in bars) most = Math.Max(most, value);
        Line($"<div><h3>{Text(title)}</h3>");
        foreach ((string name, double value, string colour) in bars)
        {
            Line(string.Create(
                CultureInfo.InvariantCulture,
                $"<div class=\"bar\"><span>{Text(name)}</span><span class=\"track\"><i style=\"width:{(most > 0 ? value / most * 100 : 0):0.0}%;background:var(--{colour})\"></i></span><span class=\"value\">{format(value)}</span></div>"));
        }

        Line("</div>");
    }

    private void Comparison()
    {
        if (report.Comparison.Count == 0) return;
        bool host = report.Comparison.Any(static r => r.HostBytesRead > 0 || r.HostBytesWritten > 0);
        Line("<section><h2>Policies compared</h2><p class=\"note\">The same trace, budget and machine in the same simulator. 100 % is the speed with unlimited memory.</p>");
        Line("<div class=\"scroll\"><table><thead><tr><th>Policy</th><th class=\"left\">Of unlimited speed</th><th>Step</th><th>Stall</th><th>Peak</th><th>SSD read</th><th>SSD written</th>"
            + (host ? "<th>Host in</th><th>Host out</th>" : "") + "<th>Over bound</th></tr></thead><tbody>");
        foreach (ComparisonRow row in report.Comparison) Compare(row, host);
        Line("</tbody></table></div></section>");
    }

    private void Compare(ComparisonRow row, bool host)
    {
        string own = row.Policy == report.Policy ? " class=\"own\"" : "";
        if (!row.Feasible)
        {
            Line($"<tr{own}><td>{Text(row.Policy)}</td><td class=\"left wrap\" colspan=\"{(host ? 9 : 7)}\">does not fit: {Text(row.InfeasibleReason ?? "")}</td></tr>");
            return;
        }

        double share = row.ShareOfIdeal ?? 1;
        string meter = string.Create(CultureInfo.InvariantCulture, $"<span class=\"meter\"><i style=\"width:{Math.Clamp(share * 100, 0, 100):0.0}%\"></i></span>");
        Line($"<tr{own}><td>{Text(row.Policy)}</td><td class=\"left\">{meter}{Figures.Percent(share)}</td><td>{Figures.Seconds(row.StepSeconds!.Value)}</td><td>{Figures.Seconds(row.StallSeconds!.Value)}</td>"
            + $"<td>{Figures.Bytes(row.PeakBytes!.Value)}</td><td>{Figures.Bytes(row.BytesRead!.Value)}</td><td>{Figures.Bytes(row.BytesWritten!.Value)}</td>"
            + (host ? $"<td>{Figures.Bytes(row.HostBytesRead!.Value)}</td><td>{Figures.Bytes(row.HostBytesWritten!.Value)}</td>" : "")
            + $"<td>{(row.GapToBound is { } gap ? Figures.Percent(gap) : "")}</td></tr>");
    }

    private void Endurance()
    {
        if (report.Endurance is not { } wear) return;
        Line("<section><h2>Endurance of the SSDs</h2><dl class=\"facts\">");
        Fact("Written per iteration", Figures.Bytes(wear.BytesPerStep));
        if (wear.BytesPerToken is { } perToken) Fact("Written per token", Figures.Bytes(perToken));
        Fact("Written per day of training", Figures.DecimalBytes(wear.BytesPerDay));
        if (wear.RatedBytes is { } rated) Fact("Rated for", Figures.DecimalBytes(rated));
        if (wear.DaysToRating is { } days) Fact("Days until the rating is used up", days.ToString("N0", CultureInfo.InvariantCulture));
        Line("</dl></section>");
    }

    private void Facts()
    {
        MachineModel machine = report.Machine;
        Line("<section><h2>What was simulated</h2><dl class=\"facts\">");
        Fact("Trace", Text(report.Trace.Name));
        if (report.Trace.Source.Length > 0) Fact("Made by", Text(report.Trace.Source));
        Fact("Ops", Figures.Count(report.OpCount));
        Fact("Tensors", Figures.Count(report.TensorCount));
        if (report.Trace.Tokens > 0) Fact("Tokens per iteration", Figures.Count(report.Trace.Tokens));
        Fact("Memory budget", $"{Figures.Bytes(machine.MemoryBudget)} ({Figures.Percent(Share(machine.MemoryBudget, report.UnlimitedPeakBytes))} of the unlimited peak)");
        Tier("SSD", machine.Storage);
        if (machine.Host is { } host)
        {
            Fact("Host memory", Figures.Bytes(host.Capacity));
            Tier("Host", host);
        }

        if (machine.ComputeSecondsPerByte > 0) Fact("Compute lost per GiB moved", Figures.Seconds(machine.ComputeSecondsPerByte * (1L << 30)));
        if (_simulation.RecomputeSeconds > 0) Fact("Computing tensors again", Figures.Seconds(_simulation.RecomputeSeconds));
        if (_simulation.ComputeOverheadSeconds > 0) Fact("Compute lost to transfers", Figures.Seconds(_simulation.ComputeOverheadSeconds));
        Fact("Transfers on demand", Figures.Count(_simulation.UnplannedMigrations));
        Line("</dl></section><footer>Written by teraio report.</footer>");
    }

    private void Tier(string name, TierModel tier)
    {
        Fact(name + " read", Figures.Rate(tier.ReadBandwidth));
        Fact(name + " write", Figures.Rate(tier.WriteBandwidth));
        Fact(name + " queue depth", Figures.Count(tier.QueueDepth));
        if (tier.LatencySeconds > 0) Fact(name + " latency", Figures.Seconds(tier.LatencySeconds));
        if (tier.Interference > 0) Fact(name + " interference", tier.Interference.ToString("0.##", CultureInfo.InvariantCulture));
    }

    private void Tile(string what, string value, string detail) =>
        Line($"<div class=\"tile\"><span class=\"what\">{what}</span><b>{value}</b><span>{detail}</span></div>");

    private void Fact(string name, string value) => Line($"<div><dt>{name}</dt><dd>{value}</dd></div>");

    private void Plot(string id, string label) => Line($"<figure><div class=\"plot\" id=\"{id}\" data-label=\"{Text(label)}\"></div></figure>");

    private void Legend(params ReadOnlySpan<(string Shape, string Colour, string Text)> entries)
    {
        _html.Append("<ul class=\"legend\">");
        foreach ((string shape, string colour, string text) in entries)
        {
            string style = shape.Length == 0 ? "background" : "border-color";
            _html.Append(CultureInfo.InvariantCulture, $"<li><span class=\"swatch {shape}\" style=\"{style}:var(--{colour})\"></span>{Text(text)}</li>");
        }

        Line("</ul>");
    }

    private void Line(string html) => _html.Append(html).Append('\n');

    private static double Share(double part, double whole) => whole > 0 ? part / whole : 0;

    private static string Text(string text) => WebUtility.HtmlEncode(HtmlReport.Xml(text));
}
