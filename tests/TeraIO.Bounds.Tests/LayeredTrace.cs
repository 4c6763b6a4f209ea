using TeraIO.Core.Tracing;

namespace TeraIO.Bounds.Tests;

/// <summary>
/// Training of a chain of layers, made by hand: forward makes an activation per layer, backward uses it and makes a gradient, the update uses gradient, weight and optimizer state.
/// </summary>
internal static class LayeredTrace
{
    public static Trace Create(int layers, int opsPerLayer = 1, long weight = 100, long activation = 50, double seconds = 1)
    {
        var builder = new TraceBuilder(new TraceHeader($"{layers} layers"));
        int[] weights = Add(builder, layers, weight, TensorKind.Parameter, isPersistent: true);
        int[] states = Add(builder, layers, 2 * weight, TensorKind.OptimizerState, isPersistent: true);
        int[] activations = Add(builder, layers * opsPerLayer, activation, TensorKind.Activation, isPersistent: false);
        int[] gradients = Add(builder, layers, weight, TensorKind.Gradient, isPersistent: false);
        for (int i = 0; i < layers * opsPerLayer; i++)
        {
            builder.AddOp(new TraceOp($"forward{i}", seconds));
            builder.Access(weights[i / opsPerLayer], AccessKind.Read);
            if (i > 0) builder.Access(activations[i - 1], AccessKind.Read);
            builder.Access(activations[i], AccessKind.Create);
        }

        for (int i = layers * opsPerLayer - 1; i >= 0; i--)
        {
            builder.AddOp(new TraceOp($"backward{i}", 2 * seconds, OpPhase.Backward));
            builder.Access(weights[i / opsPerLayer], AccessKind.Read);
            builder.Access(activations[i], AccessKind.Read | AccessKind.Free);
            builder.Access(gradients[i / opsPerLayer], i % opsPerLayer == opsPerLayer - 1 ? AccessKind.Create : AccessKind.Read | AccessKind.Write);
        }

        for (int i = 0; i < layers; i++)
        {
            builder.AddOp(new TraceOp($"update{i}", seconds, OpPhase.Update));
            builder.Access(weights[i], AccessKind.Read | AccessKind.Write);
            builder.Access(states[i], AccessKind.Read | AccessKind.Write);
            builder.Access(gradients[i], AccessKind.Read | AccessKind.Free);
        }

        return builder.Build();
    }

    private static int[] Add(TraceBuilder builder, int count, long bytes, TensorKind kind, bool isPersistent) =>
        [.. Enumerable.Range(0, count).Select(_ => builder.AddTensor(new TraceTensor(bytes, kind, isPersistent)))];
}
