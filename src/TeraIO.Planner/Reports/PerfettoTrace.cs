using System.Text.Json;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Machine;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Reports;

/// <summary>
/// Writes a simulated iteration in the Chrome trace event format (JSON), which ui.perfetto.dev and chrome://tracing open: ops and their stalls,
/// transfers per path and direction, memory against the budget, and the rate of each path. Events are in the order of their time.
/// </summary>
public static class PerfettoTrace
{
    private const int IterationProcess = 1;
    private const int FirstPathProcess = 2;
    private const int OpsThread = 1;
    private const int StallsThread = 2;
    private const int RateBuckets = 1000;
    private const double MicrosecondsPerSecond = 1e6;

    private enum EventKind
    {
        Memory,
        Rate,
        Stall,
        Op,
        Transfer,
    }

    /// <summary>An event as a reference into the lists that it comes from, so that only small records are sorted.</summary>
    private readonly record struct Event(double Start, EventKind Kind, int Index, int Lane, int Process);

    /// <summary>Writes the file.</summary>
    /// <param name="output">Stays open.</param>
    /// <param name="trace">What was simulated.</param>
    /// <param name="simulation">A feasible result with its transfers.</param>
    /// <param name="machine">What it was simulated on.</param>
    public static void Write(Stream output, Trace trace, SimulationResult simulation, MachineModel machine)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(simulation);
        ArgumentNullException.ThrowIfNull(machine);
        if (!simulation.Feasible) throw new ArgumentException($"There is nothing to export: {simulation.InfeasibleReason}", nameof(simulation));
        long[] without = TraceLifetimes.Of(trace).LiveBytes.ToArray();
        IReadOnlyList<PathUtilisation> paths = PathUtilisation.Of(simulation, machine, RateBuckets);
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("displayTimeUnit", "ms");
        json.WriteStartArray("traceEvents");
        var events = new List<Event>();
        for (int op = 0; op < trace.Ops.Length; op++)
        {
            events.Add(new Event(simulation.OpStart[op], EventKind.Memory, op, 0, IterationProcess));
            events.Add(new Event(simulation.OpStart[op], EventKind.Op, op, OpsThread, IterationProcess));
            if (simulation.StallPerOp[op] > 0) events.Add(new Event(Math.Max(0, simulation.OpStart[op] - simulation.StallPerOp[op]), EventKind.Stall, op, StallsThread, IterationProcess));
        }

        Name(json, "process_name", IterationProcess, 0, $"Iteration: {trace.Header.Name}");
        Name(json, "thread_name", IterationProcess, OpsThread, "Ops");
        Name(json, "thread_name", IterationProcess, StallsThread, "Stalls");
        for (int i = 0; i < paths.Count; i++) AddPath(json, events, simulation, paths[i], i);
        events.Sort(static (a, b) =>
        {
            int order = a.Start.CompareTo(b.Start);
            if (order == 0) order = a.Kind.CompareTo(b.Kind);
            return order != 0 ? order : a.Index.CompareTo(b.Index);
        });
        foreach (Event e in events)
        {
            switch (e.Kind)
            {
                case EventKind.Memory: WriteMemory(json, simulation, machine, without, e.Index); break;
                case EventKind.Rate: WriteRate(json, paths[e.Process - FirstPathProcess], e); break;
                case EventKind.Stall: WriteStall(json, trace, simulation, e); break;
                case EventKind.Op: WriteOp(json, trace, simulation, e); break;
                default: WriteTransfer(json, trace, simulation, e); break;
            }

            if (json.BytesPending > 1 << 16) json.Flush();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
    }

    private static void AddPath(Utf8JsonWriter json, List<Event> events, SimulationResult simulation, PathUtilisation path, int index)
    {
        int process = FirstPathProcess + index;
        Name(json, "process_name", process, 0, path.Name);
        int[] own = [.. Enumerable.Range(0, simulation.Transfers.Count).Where(i => simulation.Transfers[i].Tier == path.Tier && simulation.Transfers[i].Kind == path.Kind)];
        Array.Sort(own, (a, b) => simulation.Transfers[a].Started.CompareTo(simulation.Transfers[b].Started) is not 0 and var order ? order : a.CompareTo(b));
        int[] lanes = LanePacking.Pack([.. own.Select(i => (simulation.Transfers[i].Started, simulation.Transfers[i].Ended))]);
        for (int i = 0; i < own.Length; i++) events.Add(new Event(simulation.Transfers[own[i]].Started, EventKind.Transfer, own[i], lanes[i] + 1, process));
        for (int lane = 0; lane < lanes.DefaultIfEmpty(-1).Max() + 1; lane++) Name(json, "thread_name", process, lane + 1, $"{path.Name} {lane + 1}");
        for (int bucket = 0; bucket < path.BytesPerSecond.Count; bucket++)
        {
            bool changes = bucket == 0 || path.BytesPerSecond[bucket] != path.BytesPerSecond[bucket - 1];
            if (changes) events.Add(new Event(bucket * path.BucketSeconds, EventKind.Rate, bucket, 0, process));
        }
    }

    private static void WriteMemory(Utf8JsonWriter json, SimulationResult simulation, MachineModel machine, long[] without, int op)
    {
        // Each a counter of its own: several values of one counter would be drawn stacked.
        Counter(json, "Memory with the plan (bytes)", IterationProcess, simulation.OpStart[op], simulation.MemoryPerOp[op]);
        Counter(json, "Memory without a plan (bytes)", IterationProcess, simulation.OpStart[op], without[op]);
        Counter(json, "Budget (bytes)", IterationProcess, simulation.OpStart[op], machine.MemoryBudget);
    }

    private static void WriteRate(Utf8JsonWriter json, PathUtilisation path, in Event e) =>
        Counter(json, path.Name + " (bytes/s)", e.Process, e.Start, Math.Round(path.BytesPerSecond[e.Index]));

    private static void WriteStall(Utf8JsonWriter json, Trace trace, SimulationResult simulation, in Event e)
    {
        Slice(json, "stall: " + Figures.Cause(simulation.StallCausePerOp[e.Index]), "stall", e, simulation.OpStart[e.Index]);
        json.WriteNumber("op", e.Index);
        json.WriteString("name", trace.Ops[e.Index].Name);
        EndSlice(json);
    }

    private static void WriteOp(Utf8JsonWriter json, Trace trace, SimulationResult simulation, in Event e)
    {
        ref readonly TraceOp op = ref trace.Ops[e.Index];
        Slice(json, op.Name, "op", e, simulation.OpEnd[e.Index]);
        json.WriteNumber("op", e.Index);
        json.WriteString("phase", op.Phase.ToString());
        if (op.Module is { } module) json.WriteString("module", module);
        if (op.MicroBatch > 0) json.WriteNumber("microBatch", op.MicroBatch);
        if (simulation.StallPerOp[e.Index] > 0) json.WriteNumber("waitedSeconds", simulation.StallPerOp[e.Index]);
        EndSlice(json);
    }

    private static void WriteTransfer(Utf8JsonWriter json, Trace trace, SimulationResult simulation, in Event e)
    {
        SimulatedTransfer transfer = simulation.Transfers[e.Index];
        Slice(json, Figures.Name(trace.Tensors[transfer.Tensor], transfer.Tensor), transfer.Kind == MigrationKind.Prefetch ? "read" : "write", e, transfer.Ended);
        json.WriteNumber("tensor", transfer.Tensor);
        json.WriteNumber("bytes", transfer.Bytes);
        json.WriteString("kind", Figures.Kind(trace.Tensors[transfer.Tensor].Kind));
        json.WriteNumber("queuedSeconds", Math.Max(0, transfer.Started - transfer.Issued));
        json.WriteBoolean("planned", transfer.IsPlanned);
        EndSlice(json);
    }

    private static void Name(Utf8JsonWriter json, string what, int process, int thread, string name)
    {
        json.WriteStartObject();
        json.WriteString("name", what);
        json.WriteString("ph", "M");
        json.WriteNumber("pid", process);
        json.WriteNumber("tid", thread);
        json.WriteStartObject("args");
        json.WriteString("name", name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Counter(Utf8JsonWriter json, string name, int process, double seconds, double value)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("ph", "C");
        json.WriteNumber("pid", process);
        json.WriteNumber("ts", Microseconds(seconds));
        json.WriteStartObject("args");
        json.WriteNumber("value", value);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Slice(Utf8JsonWriter json, string name, string category, in Event e, double end)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("cat", category);
        json.WriteString("ph", "X");
        json.WriteNumber("pid", e.Process);
        json.WriteNumber("tid", e.Lane);
        json.WriteNumber("ts", Microseconds(e.Start));
        // The difference of two rounded moments: slices that touch in the simulation then never overlap in the file.
        json.WriteNumber("dur", Math.Max(0, Math.Round(Microseconds(end) - Microseconds(e.Start), 3)));
        json.WriteStartObject("args");
    }

    private static void EndSlice(Utf8JsonWriter json)
    {
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>To the nanosecond, the finest that viewers resolve.</summary>
    private static double Microseconds(double seconds) => Math.Round(seconds * MicrosecondsPerSecond, 3);
}
