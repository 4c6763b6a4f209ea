using System.Globalization;
using Spectre.Console;
using TeraIO.Cli.Output;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Reports;
using TeraIO.Planner.Simulation;

namespace TeraIO.Cli.Inspection;

/// <summary>A trace as a whole: phases, kinds of tensors, the peak, the largest tensors.</summary>
internal sealed record TraceView(
    string Name,
    string Source,
    int Ops,
    int Tensors,
    double IdealSeconds,
    long Tokens,
    long BaselineBytes,
    long PeakBytes,
    int PeakOp,
    string PeakOpName,
    long SmallestBudgetBytes,
    IReadOnlyList<PhaseSummary> Phases,
    IReadOnlyList<KindSummary> Kinds,
    IReadOnlyList<TensorSummary> Largest) : IInspectionView
{
    public static TraceView Of(InspectedTrace subject, int largest)
    {
        Trace trace = subject.Trace;
        TraceLifetimes lifetimes = subject.Explainer.Lifetimes;
        int peakOp = lifetimes.PeakOp;
        return new TraceView(
            trace.Header.Name,
            trace.Header.Source,
            trace.Ops.Length,
            trace.Tensors.Length,
            trace.IdealSeconds,
            trace.Header.Tokens,
            trace.Header.BaselineBytes,
            lifetimes.PeakBytes,
            peakOp,
            trace.Ops[peakOp].Name,
            new SimulationContext(trace).SmallestBudget,
            PhaseSummary.Of(trace),
            KindSummary.Of(trace, lifetimes, peakOp),
            [.. TensorsBySize(trace).Take(largest).Select(t => TensorSummary.Of(subject, t))]);
    }

    public void Print(CommandConsole console)
    {
        console.Write(Tables.Facts(
            ("trace", Name),
            ("made by", Source.Length > 0 ? Source : null),
            ("ops", $"{Figures.Count(Ops)}, {Figures.Seconds(IdealSeconds)} with unlimited memory"),
            ("tokens", Tokens > 0 ? Figures.Count(Tokens) : null),
            ("peak", $"{Figures.Bytes(PeakBytes)} at op {PeakOp} ({PeakOpName})"),
            ("smallest budget", $"{Figures.Bytes(SmallestBudgetBytes)} (what the largest op needs at once)"),
            ("baseline", BaselineBytes > 0 ? Figures.Bytes(BaselineBytes) + " too small to move" : null)));

        Table phases = Tables.New("<phase", "ops", "time");
        foreach (PhaseSummary phase in Phases) Tables.Row(phases, phase.Phase.ToString().ToLowerInvariant(), Figures.Count(phase.Ops), Figures.Seconds(phase.Seconds));
        console.Write(Tables.Titled("Phases", phases));

        Table kinds = Tables.New("<kind", "count", "bytes", "at the peak", "idle of life");
        foreach (KindSummary kind in Kinds) Tables.Row(kinds, Figures.Kind(kind.Kind), Figures.Count(kind.Count), Figures.Bytes(kind.Bytes), Figures.Bytes(kind.BytesAtPeak), Figures.Percent(kind.IdleShare));
        console.Write(Tables.Titled("Tensors by kind", kinds));
        if (Largest.Count == 0) return;

        Table tensors = Tables.New("no", "<name", "<kind", "bytes", "uses", "longest idle", "<plan");
        foreach (TensorSummary tensor in Largest)
        {
            Tables.Row(
                tensors,
                tensor.Tensor.ToString(CultureInfo.InvariantCulture),
                Tables.Short(tensor.Name, console.TableWidth >= 100 ? 40 : 18),
                ShortKind(tensor.Kind),
                Figures.Bytes(tensor.Bytes),
                Figures.Count(tensor.Uses),
                Figures.Seconds(tensor.LongestIdleSeconds),
                Tables.Short(tensor.Verdict, 21));
        }

        console.Write(Tables.Titled("Largest tensors", tensors));
    }

    private static string ShortKind(TensorKind kind) => kind switch
    {
        TensorKind.OptimizerState => "opt",
        TensorKind.Parameter => "param",
        TensorKind.Gradient => "grad",
        TensorKind.Activation => "act",
        TensorKind.Temporary => "temp",
        TensorKind.Input => "input",
        _ => "?",
    };

    private static IEnumerable<int> TensorsBySize(Trace trace)
    {
        long[] bytes = new long[trace.Tensors.Length];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = trace.Tensors[i].Bytes;
        return Enumerable.Range(0, bytes.Length).OrderByDescending(i => bytes[i]).ThenBy(static i => i);
    }
}
