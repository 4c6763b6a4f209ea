using System.Globalization;
using System.Text;
using TeraIO.Planner.Simulation;

namespace TeraIO.PlanQuality;

/// <summary>What a set of cases says about the planner: whether its aims hold, and the distributions as Markdown.</summary>
public sealed class QualityReport(IReadOnlyList<QualityCase> cases)
{
    /// <summary>A plan may be slower than the best baseline by so much.</summary>
    public const double MostOverBaseline = 1.01;

    /// <summary>The median over the exact plan may be so much.</summary>
    public const double MostMedianOverExact = 1.03;

    private const int WorstListed = 12;

    /// <summary>Cases in which a policy used more memory than the budget allows.</summary>
    public IReadOnlyList<(QualityCase Case, string Policy)> OverBudget { get; } =
    [
        .. cases.SelectMany(static c => c.Simulations.Where(s => s.Value.Feasible && s.Value.PeakBytes > c.Machine.MemoryBudget).Select(s => (c, s.Key))),
    ];

    /// <summary>Cases in which a baseline is faster by more than <see cref="MostOverBaseline"/> allows, the worst first.</summary>
    public IReadOnlyList<QualityCase> Lost { get; } = [.. cases.Where(static c => c.OverBaseline > MostOverBaseline).OrderByDescending(static c => c.OverBaseline)];

    /// <summary>Planned time, simulated, over the bound that the exact plan's program proves for whole tensors.</summary>
    public Distribution OverExact { get; } = Of(cases, static c => c.OverExact);

    /// <summary>Whether all aims hold.</summary>
    public bool HasReachedItsAims => OverBudget.Count == 0 && Lost.Count == 0 && !(OverExact.Median > MostMedianOverExact);

    /// <summary>The whole of it.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        AppendAims(text);
        AppendByBudget(text, "Planned / best baseline", static c => c.OverBaseline);
        AppendByBudget(text, "Planned / lower bound", static c => c.OverBound);
        AppendByBudget(text, "Planned / bound of the exact plan", static c => c.OverExact);
        AppendByBudget(text, "Planned / exact plan, both simulated", static c => c.OverExactPlan);
        AppendPolicies(text);
        AppendWorst(text);
        return text.ToString();
    }

    private void AppendAims(StringBuilder text)
    {
        int exact = cases.Count(static c => c.Exact is not null), optimal = cases.Count(static c => c.Exact is { IsOptimal: true });
        text.AppendLine("| aim | result |").AppendLine("|---|---|");
        text.AppendLine(CultureInfo.InvariantCulture, $"| never over the budget, any policy | {OverBudget.Count} times over, in {cases.Count} traces |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| never slower than the best baseline by more than 1 % | {Lost.Count} of {cases.Count} traces slower |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| median over the bound of the exact plan at most 3 % | {(OverExact.Median - 1) * 100:F1} % over {OverExact.Count} traces |");
        Distribution stalled = Of(cases.Where(static c => c.Exact is { } e && e.BoundSeconds > 1.001 * c.Bound.IdealSeconds), static c => c.OverExact);
        text.AppendLine(CultureInfo.InvariantCulture, $"| the same, only where that bound is more than 0.1 % above the ops alone | {(stalled.Median - 1) * 100:F1} % over {stalled.Count} traces |");
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"{exact} traces were small enough for the exact plan; {optimal} of them were solved to the end.");
        text.AppendLine(CultureInfo.InvariantCulture, $"{cases.Count(static c => !c.Planned.IsSteady)} planned simulations did not come to a steady iteration: they are left out where bounds, which are for steady iterations, are compared with.");
        text.AppendLine(CultureInfo.InvariantCulture, $"{cases.Count(static c => !c.Bound.Feasible || !c.Planned.Feasible)} traces are not feasible (tiers without space).");
    }

    private void AppendByBudget(StringBuilder text, string title, Func<QualityCase, double?> ratio)
    {
        text.AppendLine().Append("## ").AppendLine(title).AppendLine();
        text.Append("| budget, from the smallest that works (0 %) to the peak (100 %) | ").Append(Distribution.Header).AppendLine(" |");
        text.AppendLine("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
        for (int quarter = 0; quarter < 4; quarter++)
        {
            (double from, double to) = (quarter / 4.0, (quarter + 1) / 4.0);
            Distribution distribution = Of(cases.Where(c => c.Tightness >= from && (c.Tightness < to || quarter == 3)), ratio);
            text.AppendLine(CultureInfo.InvariantCulture, $"| {from * 100:F0} % to {to * 100:F0} % | {distribution} |");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"| all | {Of(cases, ratio)} |");
    }

    private void AppendPolicies(StringBuilder text)
    {
        text.AppendLine().AppendLine("## Every policy / lower bound").AppendLine();
        text.Append("| policy | ").Append(Distribution.Header).AppendLine(" | bytes moved / bound, median |").AppendLine("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        foreach (string policy in cases.SelectMany(static c => c.Simulations.Keys).Distinct())
        {
            Distribution seconds = Of(cases, c => c.OverBoundOf(c.Simulations[policy]));
            Distribution bytes = Of(cases, c => c.Machine.Host is null ? BytesOverBound(c, c.Simulations[policy]) : null);
            text.AppendLine(CultureInfo.InvariantCulture, $"| {policy} | {seconds} | {Distribution.Cell(bytes.Median)} |");
        }

        text.AppendLine().AppendLine("Policies that compute again or reorder micro batches play by other rules and can be below 1. Bytes: machines without a host tier.");
    }

    private void AppendWorst(StringBuilder text)
    {
        text.AppendLine().AppendLine("## Worst seeds").AppendLine();
        text.AppendLine("| seed | trace | ops | budget | host tier | planned / best baseline | which | planned / bound | planned / bound of the exact plan | planned / exact plan |");
        text.AppendLine("|---:|---|---:|---:|---|---:|---|---:|---:|---:|");
        QualityCase[] worst =
        [
            .. cases.Where(static c => c.OverBaseline > 1.001).OrderByDescending(static c => c.OverBaseline).Take(WorstListed),
            .. cases.Where(static c => c.OverExactPlan > 1.001).OrderByDescending(static c => c.OverExactPlan).Take(WorstListed),
            .. cases.OrderByDescending(static c => c.OverExact ?? 0).Take(WorstListed),
            .. cases.OrderByDescending(static c => c.OverBound ?? 0).Take(WorstListed),
        ];
        foreach (QualityCase c in worst.Distinct())
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {c.Seed} | {c.Trace.Header.Name} | {c.Trace.Ops.Length} | {c.Tightness * 100:F0} % | {(c.Machine.Host is null ? "" : "yes")} | {Cell(c.OverBaseline)} | {c.BestBaseline?.Name} | {Cell(c.OverBound)} | {Cell(c.OverExact)} | {Cell(c.OverExactPlan)} |");
        }

        static string Cell(double? ratio) => Distribution.Cell(ratio ?? double.NaN);
    }

    private static double? BytesOverBound(QualityCase c, SimulationResult simulation) =>
        simulation.Feasible && c.Bound.BytesMoved > 0 ? (double)(simulation.BytesRead + simulation.BytesWritten) / c.Bound.BytesMoved : null;

    private static Distribution Of(IEnumerable<QualityCase> cases, Func<QualityCase, double?> ratio) => new(cases.Select(ratio).OfType<double>());
}
