using System.Diagnostics.CodeAnalysis;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.TestSupport.Tracing;

/// <summary>Traces and machines for property tests: the same seed gives the same one on every machine.</summary>
[SuppressMessage("Security", "CA5394", Justification = "Test data, not secrets.")]
public static class RandomTraces
{
    /// <summary>
    /// An iteration of training as it looks for a small transformer: forward makes activations, backward consumes them and makes gradients, the update uses
    /// gradients and optimizer state. One to three micro batches; a gradient lives from its first backward to its update.
    /// </summary>
    public static Trace Training(int seed)
    {
        var random = new Random(seed);
        return Training(random, layers: random.Next(1, 7), opsPerLayer: random.Next(1, 4), microBatches: random.Next(1, 4), name: $"training {seed}");
    }

    /// <summary>The same with chosen sizes. It has about <c>layers * opsPerLayer * (2 * microBatches + 1)</c> ops.</summary>
    public static Trace Training(int seed, int layers, int opsPerLayer, int microBatches) =>
        Training(new Random(seed), layers, opsPerLayer, microBatches, $"training {seed}");

    /// <summary>Any valid trace: lives that wrap around, tensors that cannot move, ops of no duration, uses in any order.</summary>
    public static Trace Arbitrary(int seed)
    {
        var random = new Random(seed);
        int ops = random.Next(1, 41);
        int tensors = random.Next(0, 31);
        var accesses = new List<(int Tensor, AccessKind Kind)>[ops];
        for (int i = 0; i < ops; i++) accesses[i] = [];
        var builder = new TraceBuilder(new TraceHeader($"arbitrary {seed}", BaselineBytes: random.Next(3) == 0 ? random.Next(1000) : 0));
        for (int tensor = 0; tensor < tensors; tensor++)
        {
            bool isPersistent = random.Next(3) == 0;
            builder.AddTensor(new TraceTensor(random.Next(1, 1001), TensorKind.Unknown, isPersistent, IsMovable: random.Next(7) != 0));
            int first = isPersistent ? 0 : random.Next(ops);
            int length = isPersistent ? ops - 1 : random.Next(ops);
            if (!isPersistent)
            {
                accesses[first].Add((tensor, AccessKind.Create));
                accesses[(first + length) % ops].Add((tensor, AccessKind.Free));
            }

            for (int use = random.Next(6); use > 0; use--)
            {
                int op = (first + random.Next(length + 1)) % ops;
                accesses[op].Add((tensor, random.Next(3) switch { 0 => AccessKind.Write, 1 => AccessKind.Read | AccessKind.Write, _ => AccessKind.Read }));
            }
        }

        for (int op = 0; op < ops; op++)
        {
            double seconds = random.Next(5) == 0 ? 0 : random.NextDouble();
            builder.AddOp(new TraceOp($"op{op}", seconds, WorkspaceBytes: random.Next(5) == 0 ? random.Next(1000) : 0));
            foreach ((int tensor, AccessKind kind) in accesses[op]) builder.Access(tensor, kind);
        }

        return builder.Build();
    }

    /// <summary>
    /// A machine for a trace: a budget between what its ops need at least and its peak, and bandwidths with which moving everything once takes
    /// between a fifth and five times the compute time. Every second one has interference, every third one latency, every fourth one a host tier.
    /// </summary>
    public static MachineModel Machine(int seed, Trace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        var random = new Random(unchecked(seed * 31 + 7));
        long smallest = Footprint.SmallestBudget(trace);
        long peak = Footprint.Peak(trace);
        double bytes = 1;
        foreach (ref readonly TraceTensor tensor in trace.Tensors) bytes += tensor.Bytes;
        double seconds = Math.Max(trace.IdealSeconds, 1e-3);
        double bandwidth = bytes / seconds * Math.Pow(5, 2 * random.NextDouble() - 1);
        return new MachineModel
        {
            MemoryBudget = Math.Max(1, smallest + (long)((peak - smallest) * random.NextDouble())),
            Storage = Tier(random, bandwidth, seconds / Math.Max(1, trace.Ops.Length)),
            Host = random.Next(4) != 0
                ? null
                : Tier(random, bandwidth * 3, seconds / Math.Max(1, trace.Ops.Length)) with { Capacity = (long)(bytes * random.NextDouble() / 2) },
            ComputeSecondsPerByte = random.Next(4) == 0 ? 0.2 * random.NextDouble() / bandwidth : 0,
        };
    }

    private static TierModel Tier(Random random, double bandwidth, double secondsPerOp) => new()
    {
        ReadBandwidth = bandwidth * (0.75 + random.NextDouble() / 2),
        WriteBandwidth = bandwidth * (0.75 + random.NextDouble() / 2),
        Interference = random.Next(2) == 0 ? 0 : random.NextDouble(),
        LatencySeconds = random.Next(3) == 0 ? secondsPerOp * random.NextDouble() : 0,
        QueueDepth = random.Next(1, 9),
    };

    private static Trace Training(Random random, int layers, int opsPerLayer, int microBatches, string name)
    {
        var builder = new TraceBuilder(new TraceHeader(name, "random", BaselineBytes: random.Next(1 << 20), Tokens: 1024L * microBatches));
        int count = layers * opsPerLayer;
        var weights = new int[count];
        var states = new int[count];
        var gradients = new int[count];
        var activations = new int[count];
        for (int i = 0; i < count; i++)
        {
            long bytes = Size(random);
            string layer = $"layer{i / opsPerLayer}.{i % opsPerLayer}";
            weights[i] = builder.AddTensor(new TraceTensor(bytes, TensorKind.Parameter, true, layer));
            states[i] = builder.AddTensor(new TraceTensor(2 * bytes, TensorKind.OptimizerState, true, $"{layer}.adam"));
            gradients[i] = builder.AddTensor(new TraceTensor(bytes, TensorKind.Gradient, false, $"{layer}.grad"));
        }

        int loss = builder.AddTensor(new TraceTensor(4, TensorKind.Temporary, false, "loss", IsMovable: false));
        for (int micro = 0; micro < microBatches; micro++)
        {
            for (int i = 0; i < count; i++)
            {
                activations[i] = builder.AddTensor(new TraceTensor(2 * Size(random), TensorKind.Activation, false, $"act{i}.{micro}"));
                Add(builder, random, "forward", OpPhase.Forward, i / opsPerLayer, micro);
                builder.Access(weights[i], AccessKind.Read);
                if (i > 0) builder.Access(activations[i - 1], AccessKind.Read);
                builder.Access(activations[i], AccessKind.Create);
                if (micro == 0 && i == 0) builder.Access(loss, AccessKind.Create);
            }

            int upstream = -1;
            for (int i = count - 1; i >= 0; i--)
            {
                Add(builder, random, "backward", OpPhase.Backward, i / opsPerLayer, micro);
                builder.Access(weights[i], AccessKind.Read);
                builder.Access(activations[i], AccessKind.Read | AccessKind.Free);
                if (i > 0) builder.Access(activations[i - 1], AccessKind.Read);
                if (upstream >= 0) builder.Access(upstream, AccessKind.Read | AccessKind.Free);
                upstream = builder.AddTensor(new TraceTensor(Size(random), TensorKind.Temporary, false, $"dx{i}.{micro}"));
                builder.Access(upstream, AccessKind.Create);
                builder.Access(gradients[i], micro == 0 ? AccessKind.Create : AccessKind.Read | AccessKind.Write);
                if (i == 0) builder.Access(upstream, AccessKind.Free);
            }
        }

        for (int i = 0; i < count; i++)
        {
            Add(builder, random, "update", OpPhase.Update, i / opsPerLayer, microBatches - 1);
            builder.Access(gradients[i], AccessKind.Read | AccessKind.Free);
            builder.Access(states[i], AccessKind.Read | AccessKind.Write);
            builder.Access(weights[i], AccessKind.Read | AccessKind.Write);
            if (i == count - 1) builder.Access(loss, AccessKind.Read | AccessKind.Free);
        }

        return builder.Build();
    }

    private static void Add(TraceBuilder builder, Random random, string name, OpPhase phase, int layer, int microBatch) => builder.AddOp(new TraceOp(
        name, 1e-3 * (0.2 + random.NextDouble()), phase, $"layer{layer}", microBatch, WorkspaceBytes: random.Next(4) == 0 ? random.Next(1 << 22) : 0));

    private static long Size(Random random) => 1024L * (1 + (long)(Math.Pow(2, 14 * random.NextDouble())));
}
