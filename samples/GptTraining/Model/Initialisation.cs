using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TeraIO.Samples.GptTraining;

/// <summary>GPT-2's initial weights.</summary>
internal static class Initialisation
{
    /// <summary>Standard deviation of every weight that does not write to the residual stream.</summary>
    public const double StandardDeviation = 0.02;

    /// <summary>Standard deviation of weights that write to it: its variance then does not grow with depth.</summary>
    public static double ResidualStandardDeviation(int layers) => StandardDeviation / Math.Sqrt(2.0 * layers);

    /// <summary>Fills a parameter from a normal distribution around 0 with the default generator.</summary>
    public static void Normal(Parameter parameter, double standardDeviation)
    {
        using var scope = NewDisposeScope();
        nn.init.normal_(parameter, 0, standardDeviation);
    }

    /// <summary>Moves a module's parameters; null: they stay where they are.</summary>
    public static TModule On<TModule>(this TModule module, Device? device)
        where TModule : nn.Module => device is null ? module : module.to(device);

    /// <summary>A linear layer with normal weights and zero bias on a device.</summary>
    /// <remarks>Weights are drawn on the CPU wherever they go, so that a seed means the same on every device; one layer at a time is there.</remarks>
    public static Linear Linear(long inputs, long outputs, double standardDeviation, Device? device)
    {
        var linear = nn.Linear(inputs, outputs);
        Normal(linear.weight!, standardDeviation);
        using var scope = NewDisposeScope();
        nn.init.zeros_(linear.bias!);
        return linear.On(device);
    }
}
