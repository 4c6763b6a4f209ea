using TeraIO.Core.Tracing;
using TeraIO.Planner.Machine;

namespace TeraIO.Planner.Tests.Planning;

/// <summary>Small iterations whose best plan is known.</summary>
internal static class PlannerCases
{
    /// <summary>A machine whose SSD moves <paramref name="bandwidth"/> bytes per second each way.</summary>
    public static MachineModel Machine(long budget, double bandwidth) => new()
    {
        MemoryBudget = budget,
        Storage = new TierModel { ReadBandwidth = bandwidth, WriteBandwidth = bandwidth },
    };

    /// <summary>
    /// Forward and backward through layers of one weight (100 bytes) and one activation (100 bytes) each; every op takes a second. Weights are only read.
    /// </summary>
    public static Trace Layers(int layers, int microBatches = 1, double seconds = 1, long activationBytes = 100)
    {
        var builder = new TraceBuilder(new TraceHeader($"{layers} layers"));
        var weights = new int[layers];
        for (int i = 0; i < layers; i++) weights[i] = builder.AddTensor(new TraceTensor(100, TensorKind.Parameter, IsPersistent: true));
        for (int batch = 0; batch < microBatches; batch++)
        {
            var activations = new int[layers];
            for (int i = 0; i < layers; i++)
            {
                activations[i] = builder.AddTensor(new TraceTensor(activationBytes, TensorKind.Activation, IsPersistent: false));
                builder.AddOp(new TraceOp("forward", seconds, OpPhase.Forward, $"layer{i}", batch));
                builder.Access(weights[i], AccessKind.Read);
                if (i > 0) builder.Access(activations[i - 1], AccessKind.Read);
                builder.Access(activations[i], AccessKind.Create);
            }

            for (int i = layers - 1; i >= 0; i--)
            {
                builder.AddOp(new TraceOp("backward", seconds, OpPhase.Backward, $"layer{i}", batch));
                builder.Access(weights[i], AccessKind.Read);
                builder.Access(activations[i], AccessKind.Read | AccessKind.Free);
            }
        }

        return builder.Build();
    }
}
