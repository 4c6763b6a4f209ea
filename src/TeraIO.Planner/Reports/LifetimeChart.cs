using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Lifetimes;
using TeraIO.Planner.Simulation;

namespace TeraIO.Planner.Reports;

/// <summary>The lives of the largest tensors over a simulated iteration, and where their bytes are.</summary>
public static class LifetimeChart
{
    /// <summary>Marks of uses closer together than this share of the iteration are drawn as one.</summary>
    private const double UseSpacing = 1.0 / 800;

    private const int None = -1;

    private readonly record struct Move(bool IsPrefetch, double Start, double End);

    /// <summary>Rows for the largest tensors, in the order of their first use.</summary>
    /// <param name="trace">What was simulated.</param>
    /// <param name="plan">The plan that was simulated; it tells when clean tensors are dropped.</param>
    /// <param name="simulation">A feasible result with its transfers.</param>
    /// <param name="most">Rows at most.</param>
    public static IReadOnlyList<TensorRow> Of(Trace trace, MigrationPlan plan, SimulationResult simulation, int most)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(simulation);
        int[] chosen = Largest(trace, most);
        var slot = new int[trace.Tensors.Length];
        slot.AsSpan().Fill(None);
        for (int i = 0; i < chosen.Length; i++) slot[chosen[i]] = i;

        List<(int Op, AccessKind Kind)>[] accesses = AccessesOf(trace, slot, chosen.Length);
        List<Move>[] moves = MovesOf(plan, simulation, slot, chosen.Length);
        List<double>[] drops = DropsOf(plan, simulation, slot, chosen.Length);
        var rows = new List<(int FirstUse, TensorRow Row)>(chosen.Length);
        for (int i = 0; i < chosen.Length; i++)
        {
            if (accesses[i].Count == 0) continue; // never used: nothing to see
            rows.Add((accesses[i][0].Op, Row(trace, simulation, chosen[i], accesses[i], moves[i], drops[i])));
        }

        return [.. rows.OrderBy(r => r.FirstUse).ThenBy(r => r.Row.Tensor).Select(r => r.Row)];
    }

    /// <summary>
    /// The tensors with the greatest size x lifetime: those that a plan can win something with. Where several tie at the end of the choice (all layers
    /// have the same shapes) an even selection of them is taken, so that the chart shows every part of the model.
    /// </summary>
    public static int[] Largest(Trace trace, int most)
    {
        ArgumentNullException.ThrowIfNull(trace);
        double[] weights = ByteSeconds(trace);
        int[] order = [.. Enumerable.Range(0, weights.Length).OrderByDescending(i => weights[i]).ThenBy(static i => i)];
        if (order.Length <= most) return order;
        double last = weights[order[most - 1]];
        int firstTied = Array.FindIndex(order, i => weights[i] == last);
        int tied = Array.FindLastIndex(order, i => weights[i] == last) + 1 - firstTied;
        int room = most - firstTied;
        var chosen = new List<int>(order[..firstTied]);
        for (int i = 0; i < room; i++) chosen.Add(order[firstTied + (int)((long)i * tied / room)]);
        return [.. chosen];
    }

    private static double[] ByteSeconds(Trace trace)
    {
        TraceLifetimes lifetimes = TraceLifetimes.Of(trace);
        var before = new double[trace.Ops.Length + 1];
        for (int op = 0; op < trace.Ops.Length; op++) before[op + 1] = before[op] + trace.Ops[op].Seconds;
        var weights = new double[trace.Tensors.Length];
        for (int i = 0; i < weights.Length; i++)
        {
            TensorLifetime life = lifetimes.Tensors[i];
            double seconds = life.IsPersistent ? before[^1]
                : life.WrapsIteration ? before[^1] - before[life.CreateOp] + before[life.FreeOp + 1]
                : before[life.FreeOp + 1] - before[life.CreateOp];
            weights[i] = trace.Tensors[i].Bytes * seconds;
        }

        return weights;
    }

    private static TensorRow Row(
        Trace trace, SimulationResult simulation, int tensor, List<(int Op, AccessKind Kind)> accesses, List<Move> moves, List<double> drops)
    {
        TraceTensor description = trace.Tensors[tensor];
        double step = simulation.StepSeconds;
        int create = accesses.FindIndex(a => (a.Kind & AccessKind.Create) != 0);
        int free = accesses.FindIndex(a => (a.Kind & AccessKind.Free) != 0);
        double born = create < 0 ? 0 : simulation.OpStart[accesses[create].Op];
        double dead = free < 0 ? step : simulation.OpEnd[accesses[free].Op];
        TensorSpan[] alive = create >= 0 && free < create
            ? [new TensorSpan(0, dead, TensorState.Resident), new TensorSpan(born, Math.Max(born, step), TensorState.Resident)]
            : [new TensorSpan(born, Math.Max(born, dead), TensorState.Resident)];

        var uses = new List<double>();
        foreach ((int op, AccessKind kind) in accesses)
        {
            double at = simulation.OpStart[op];
            if (new TraceAccess(tensor, kind).IsUse && (uses.Count == 0 || at - uses[^1] >= step * UseSpacing)) uses.Add(at);
        }

        List<double> useEnds = [.. accesses.Where(a => new TraceAccess(tensor, a.Kind).IsUse).Select(a => simulation.OpEnd[a.Op])];
        List<TensorSpan> spans = Spans(Merge(moves), drops, useEnds, free < 0 ? null : dead, step);
        return new TensorRow(tensor, Figures.Name(description, tensor), description.Bytes, description.Kind, alive, spans, uses);
    }

    /// <summary>Parts of a tensor that move the same way one after another count as one move.</summary>
    private static List<Move> Merge(List<Move> moves)
    {
        var merged = new List<Move>();
        foreach (Move move in moves.OrderBy(m => m.Start))
        {
            if (merged.Count > 0 && merged[^1].IsPrefetch == move.IsPrefetch && move.Start <= merged[^1].End)
                merged[^1] = merged[^1] with { End = Math.Max(merged[^1].End, move.End) };
            else
                merged.Add(move);
        }

        return merged;
    }

    private static List<TensorSpan> Spans(List<Move> moves, List<double> drops, List<double> useEnds, double? dead, double step)
    {
        var spans = new List<TensorSpan>();
        for (int i = 0; i < moves.Count; i++)
        {
            Move move = moves[i];
            Move before = moves[(i + moves.Count - 1) % moves.Count];
            Move after = moves[(i + 1) % moves.Count];
            if (move.IsPrefetch)
            {
                bool left = !before.IsPrefetch && moves.Count > 1;
                AddCyclic(spans, left ? before.End : LastBefore(drops, move.Start, step) ?? LastBefore(useEnds, move.Start, step) ?? move.Start, move.Start, TensorState.Away, step);
                AddCyclic(spans, move.Start, move.End, TensorState.Returning, step);
            }
            else
            {
                AddCyclic(spans, move.Start, move.End, TensorState.Leaving, step);
                // Written out and never read again: it dies out there.
                if ((moves.Count == 1 || !after.IsPrefetch) && dead is { } end) AddCyclic(spans, move.End, end, TensorState.Away, step);
            }
        }

        spans.Sort((a, b) => a.Start.CompareTo(b.Start));
        return spans;
    }

    private static double? LastBefore(List<double> moments, double moment, double step)
    {
        double best = double.NegativeInfinity;
        foreach (double at in moments)
        {
            // One iteration earlier it happened too.
            double candidate = at <= moment ? at : at - step;
            best = Math.Max(best, candidate);
        }

        return double.IsNegativeInfinity(best) ? null : best;
    }

    private static void AddCyclic(List<TensorSpan> spans, double start, double end, TensorState state, double step)
    {
        if (step <= 0) return;
        double length = end - start;
        if (length < 0) length += step;
        if (length <= 0) return;
        length = Math.Min(length, step);
        start -= Math.Floor(start / step) * step;
        spans.Add(new TensorSpan(start, Math.Min(start + length, step), state));
        if (start + length > step) spans.Add(new TensorSpan(0, start + length - step, state));
    }

    private static List<(int Op, AccessKind Kind)>[] AccessesOf(Trace trace, int[] slot, int count)
    {
        List<(int Op, AccessKind Kind)>[] accesses = Lists<(int Op, AccessKind Kind)>(count);
        for (int op = 0; op < trace.Ops.Length; op++)
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
                if (slot[access.Tensor] != None) accesses[slot[access.Tensor]].Add((op, access.Kind));
        return accesses;
    }

    private static List<Move>[] MovesOf(MigrationPlan plan, SimulationResult simulation, int[] slot, int count)
    {
        List<Move>[] moves = Lists<Move>(count);
        foreach (SimulatedTransfer transfer in simulation.Transfers)
        {
            if (slot[transfer.Tensor] == None || transfer.Kind is not (MigrationKind.Offload or MigrationKind.Prefetch)) continue;
            moves[slot[transfer.Tensor]].Add(new Move(transfer.Kind == MigrationKind.Prefetch, transfer.Started, transfer.Ended));
        }

        // A discarded tensor comes back by an op, not by a transfer.
        foreach (PlannedMigration migration in plan.Migrations)
        {
            if (migration.Kind != MigrationKind.Recompute || slot[migration.Tensor] == None) continue;
            double at = simulation.OpStart[migration.IssueOp];
            moves[slot[migration.Tensor]].Add(new Move(true, at, at));
        }

        return moves;
    }

    private static List<double>[] DropsOf(MigrationPlan plan, SimulationResult simulation, int[] slot, int count)
    {
        List<double>[] drops = Lists<double>(count);
        foreach (PlannedMigration migration in plan.Migrations)
        {
            bool drop = migration.Kind == MigrationKind.Discard || (migration.Kind == MigrationKind.Offload && !migration.Writes);
            if (drop && slot[migration.Tensor] != None) drops[slot[migration.Tensor]].Add(simulation.OpEnd[migration.IssueOp]);
        }

        return drops;
    }

    private static List<T>[] Lists<T>(int count)
    {
        var lists = new List<T>[count];
        for (int i = 0; i < count; i++) lists[i] = [];
        return lists;
    }
}
