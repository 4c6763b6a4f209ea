using TeraIO.Core.Tracing;

namespace TeraIO.Cli.Inspection;

/// <summary>The ops of one phase together.</summary>
internal sealed record PhaseSummary(OpPhase Phase, int Ops, double Seconds)
{
    public static IReadOnlyList<PhaseSummary> Of(Trace trace)
    {
        var ops = new SortedDictionary<OpPhase, PhaseSummary>();
        foreach (ref readonly TraceOp op in trace.Ops)
        {
            PhaseSummary sum = ops.GetValueOrDefault(op.Phase) ?? new PhaseSummary(op.Phase, 0, 0);
            ops[op.Phase] = sum with { Ops = sum.Ops + 1, Seconds = sum.Seconds + op.Seconds };
        }

        return [.. ops.Values];
    }
}
