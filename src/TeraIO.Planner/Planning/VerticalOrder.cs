using TeraIO.Core.Tracing;

namespace TeraIO.Planner.Planning;

/// <summary>
/// The micro-batch order of GreedySnake (arXiv 2512.17570): all micro batches pass a layer before any passes the next, so that a layer's weights come once per
/// pass and not once per micro batch. Ops are put into that order as far as their data allow: two that use one tensor keep their order unless both only read it.
/// </summary>
public static class VerticalOrder
{
    /// <summary>The trace in vertical order; the trace itself when it has one micro batch or the order changes nothing.</summary>
    public static Trace Apply(Trace trace)
    {
        int ops = trace.Ops.Length;
        (int Phase, int Layer, int MicroBatch, int Op)[] wanted = WantedPlaces(trace);
        (List<int>[] after, int[] waits) = Dependences(trace);
        var ready = new PriorityQueue<int, (int, int, int, int)>();
        for (int op = 0; op < ops; op++)
        {
            if (waits[op] == 0) ready.Enqueue(op, wanted[op]);
        }

        var order = new List<int>(ops);
        bool isChanged = false;
        while (ready.TryDequeue(out int op, out _))
        {
            isChanged |= op != order.Count;
            order.Add(op);
            foreach (int next in after[op])
            {
                if (--waits[next] == 0) ready.Enqueue(next, wanted[next]);
            }
        }

        return isChanged ? Reorder(trace, order) : trace;
    }

    /// <summary>By phase, then by how many layers its micro batch has entered in that phase, then by micro batch.</summary>
    private static (int, int, int, int)[] WantedPlaces(Trace trace)
    {
        var places = new (int, int, int, int)[trace.Ops.Length];
        var progress = new Dictionary<(OpPhase, int), (int Layer, string? Module)>();
        for (int op = 0; op < places.Length; op++)
        {
            TraceOp o = trace.Ops[op];
            bool isFirst = !progress.TryGetValue((o.Phase, o.MicroBatch), out (int Layer, string? Module) at);
            // Without module names every op is a layer of its own.
            if (!isFirst && (o.Module is null || o.Module != at.Module)) at.Layer++;
            progress[(o.Phase, o.MicroBatch)] = (at.Layer, o.Module);
            places[op] = ((int)o.Phase, at.Layer, o.MicroBatch, op);
        }

        return places;
    }

    private static (List<int>[] After, int[] Waits) Dependences(Trace trace)
    {
        int ops = trace.Ops.Length;
        var after = new List<int>[ops];
        for (int op = 0; op < ops; op++) after[op] = [];
        var waits = new int[ops];
        var lastChange = new int[trace.Tensors.Length];
        lastChange.AsSpan().Fill(-1);
        var readers = new List<int>?[trace.Tensors.Length];
        for (int op = 0; op < ops; op++)
        {
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op))
            {
                int tensor = access.Tensor;
                if (lastChange[tensor] >= 0) Order(lastChange[tensor], op);
                if (access.Kind == AccessKind.Read)
                {
                    (readers[tensor] ??= []).Add(op);
                    continue;
                }

                if (readers[tensor] is { } before)
                {
                    foreach (int reader in before) Order(reader, op);
                    before.Clear();
                }

                lastChange[tensor] = op;
            }
        }

        return (after, waits);

        void Order(int first, int second)
        {
            after[first].Add(second);
            waits[second]++;
        }
    }

    private static Trace Reorder(Trace trace, List<int> order)
    {
        var builder = new TraceBuilder(trace.Header with { Name = trace.Header.Name + " (vertical)" });
        foreach (TraceTensor tensor in trace.Tensors) builder.AddTensor(tensor);
        foreach (int op in order)
        {
            builder.AddOp(trace.Ops[op]);
            foreach (ref readonly TraceAccess access in trace.AccessesOf(op)) builder.Access(access.Tensor, access.Kind);
        }

        return builder.Build();
    }
}
