using TeraIO.Cli.Output;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Inspection;

/// <summary>A tensor in one line.</summary>
/// <param name="Tensor">Its number.</param>
/// <param name="Name">Its name, or "tensor" and its number.</param>
/// <param name="Kind">What it is to training.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="IsMovable">Whether it can leave memory.</param>
/// <param name="CreateOp">The op that makes it; null for persistent ones.</param>
/// <param name="FreeOp">The op after which it is freed; null for persistent ones.</param>
/// <param name="Uses">Ops that use it.</param>
/// <param name="IdlePeriods">How often it lies idle.</param>
/// <param name="LongestIdleSeconds">Its longest idle period.</param>
/// <param name="Verdict">Whether and why it moves or stays.</param>
internal sealed record TensorSummary(
    int Tensor, string Name, TensorKind Kind, long Bytes, bool IsMovable, int? CreateOp, int? FreeOp, int Uses, int IdlePeriods, double LongestIdleSeconds, string Verdict)
{
    public static TensorSummary Of(InspectedTrace subject, int tensor)
    {
        TraceTensor description = subject.Trace.Tensors[tensor];
        TensorLifetime life = subject.Explainer.Lifetimes.Tensors[tensor];
        IReadOnlyList<PeriodExplanation> periods = subject.Explainer.Of(tensor);
        return new TensorSummary(
            tensor,
            Figures.Name(description, tensor),
            description.Kind,
            description.Bytes,
            description.IsMovable,
            life.IsPersistent ? null : life.CreateOp,
            life.IsPersistent ? null : life.FreeOp,
            life.Uses,
            periods.Count,
            periods.Count == 0 ? 0 : periods.Max(static p => p.IdleSeconds),
            Explanations.Short(PlanExplainer.MostTelling(periods)));
    }
}
