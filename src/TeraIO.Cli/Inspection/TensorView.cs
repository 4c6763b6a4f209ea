using System.Globalization;
using System.Text.Json.Serialization;
using Spectre.Console;
using TeraIO.Cli.Output;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Reports;

namespace TeraIO.Cli.Inspection;

/// <summary>One tensor: its life, its uses, its idle periods and what a plan does in each.</summary>
internal sealed record TensorView(TensorSummary Tensor, IReadOnlyList<TensorUseLine> Uses, IReadOnlyList<PeriodLine> IdlePeriods) : IInspectionView
{
    private const int UsesShown = 30;

    [JsonIgnore]
    public int OpCount { get; private init; }

    public static TensorView Of(InspectedTrace subject, int tensor)
    {
        Trace trace = subject.Trace;
        var uses = new List<TensorUseLine>();
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
                if (access.Tensor == tensor) uses.Add(new TensorUseLine(op, trace.Ops[op].Name, trace.Ops[op].Module, AccessWords.Of(access.Kind)));
        }

        PeriodLine[] periods = [.. subject.Explainer.Of(tensor).Select(static p => new PeriodLine(
            p.Period.StartOp, p.Period.EndOp, p.Period.IdleOps, p.IdleSeconds, p.RoundTripSeconds, p.MostExcessBytes, p.MovedBytes, p.WrittenBytes, p.LeavesAfterOp, p.ReturnsBeforeOp, p.Reason, Explanations.Sentence(p)))];
        return new TensorView(TensorSummary.Of(subject, tensor), uses, periods) { OpCount = trace.Ops.Length };
    }

    public void Print(CommandConsole console)
    {
        console.Write(Tables.Facts(
            ("tensor", $"{Tensor.Tensor} ({Tensor.Name})"),
            ("kind", Figures.Kind(Tensor.Kind) + (Tensor.IsMovable ? "" : ", cannot leave memory")),
            ("size", Figures.Bytes(Tensor.Bytes)),
            ("life", Tensor.CreateOp is { } create ? $"from op {create} to op {Tensor.FreeOp}{(Tensor.FreeOp < create ? " of the next iteration" : "")}" : "persistent")));
        Table uses = Tables.New("op", "<name", "<module", "<access");
        foreach (TensorUseLine use in Uses.Take(UsesShown)) Tables.Row(uses, use.Op.ToString(CultureInfo.InvariantCulture), Tables.Short(use.Name, 36), Tables.Short(use.Module ?? "", 20), use.Access);
        console.Write(Tables.Titled("Uses", uses));
        if (Uses.Count > UsesShown) console.Out.WriteLine($"  and {Uses.Count - UsesShown} more (--json lists all)");
        if (IdlePeriods.Count == 0)
        {
            console.Out.WriteLine("Never idle: every op of its life uses it. It stays.");
            return;
        }

        console.Out.WriteLine("Idle periods");
        foreach (PeriodLine period in IdlePeriods)
        {
            string next = period.EndOp <= period.StartOp ? " of the next iteration" : "";
            console.Out.WriteLine($"  after op {period.StartOp} until op {period.EndOp}{next}: {Figures.Count(period.IdleOps)} ops, {Figures.Seconds(period.IdleSeconds)}");
            console.Out.WriteLine($"    {period.Explanation}");
        }
    }
}

/// <summary>One use of a tensor.</summary>
internal sealed record TensorUseLine(int Op, string Name, string? Module, string Access);

/// <summary>One idle period of a tensor.</summary>
internal sealed record PeriodLine(
    int StartOp,
    int EndOp,
    int IdleOps,
    double IdleSeconds,
    double? RoundTripSeconds,
    long? MostExcessBytes,
    long MovedBytes,
    long WrittenBytes,
    int? LeavesAfterOp,
    int? ReturnsBeforeOp,
    StayReason Reason,
    string Explanation);
