using TeraIO.Core;
using TeraIO.Optimizer.Interleave;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Offload;

/// <summary>How optimizer state is kept on storage and updated. Immutable.</summary>
public sealed record OptimizerOffloadOptions
{
    /// <summary>Host memory for subgroups: as many buffers as fit, <see cref="PipelineBuffers"/> of them to move subgroups, the rest for the tail cache.</summary>
    public required ByteSize HostBudget { get; init; }

    /// <summary>
    /// Buffers that are not cached between steps: for subgroups being fetched, updated and flushed. At least 2; with 4 a fetch is always under way
    /// while one subgroup is updated and two are flushed. Default 4.
    /// </summary>
    public int PipelineBuffers { get; init; } = 4;

    /// <summary>Order of the subgroups. Default alternating, with what is left of the budget as tail cache.</summary>
    public UpdateOrder Order { get; init; } = UpdateOrder.Alternating;

    /// <summary>
    /// Whether FP32 parameters move with the moments (12 bytes per parameter), as a model in a narrow format needs; else the moments only (8 bytes), and the
    /// model's own FP32 parameters are updated in place. Default <see langword="true"/>.
    /// </summary>
    public bool KeepsMasterParameters { get; init; } = true;

    /// <summary>
    /// Whether gradients travel through storage as FP32, written by <see cref="OffloadedState.StoreGradientsAsync"/> during backward and read with the
    /// state: how DeepSpeed's ZeRO-3 offload to NVMe does it; there to be compared with. Default <see langword="false"/>.
    /// </summary>
    public bool StoresGradients { get; init; }

    /// <summary>Threads of the update on the CPU; 1 or more. Default: as many as processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Where the update rounds. Default: fused.</summary>
    public AdamWArithmetic Arithmetic { get; init; } = AdamWArithmetic.Fused;

    /// <summary>Updates a share of the subgroups beside the CPU; <see langword="null"/> for none. Not owned. Needs master parameters.</summary>
    public IUpdateExecutor? Device { get; init; }

    /// <summary>Share of the subgroups that <see cref="Device"/> updates, in [0, 1]; spread evenly over the order. Default 0.</summary>
    public double DeviceShare { get; init; }

    /// <summary>FP32 numbers kept per parameter: 3 or 2.</summary>
    internal int StateWords => KeepsMasterParameters ? 3 : 2;

    /// <summary>FP32 numbers per parameter in a buffer.</summary>
    internal int BufferWords => StateWords + (StoresGradients ? 1 : 0);

    /// <summary>Buffers of the budget, and how many of them are the tail cache.</summary>
    /// <exception cref="ConfigurationException">An option is out of range or the budget too small.</exception>
    internal (int Buffers, int Cached) Plan(ParameterLayout layout)
    {
        Validate();
        long buffer = BufferBytes(layout);
        int buffers = (int)Math.Min(HostBudget.Bytes / buffer, layout.Subgroups.Count + PipelineBuffers);
        if (buffers < 2)
        {
            throw new ConfigurationException(
                $"OptimizerOffloadOptions.HostBudget is {HostBudget}, but two buffers for subgroups of {layout.SubgroupElements} parameters take {new ByteSize(2 * buffer)}: give that much, or use smaller subgroups.");
        }

        // All in memory: nothing is ever fetched, and no buffer need be free for it.
        if (buffers >= layout.Subgroups.Count && Order == UpdateOrder.Alternating) return (Math.Max(buffers, layout.Subgroups.Count), layout.Subgroups.Count);
        return (buffers, Order == UpdateOrder.Alternating ? Math.Max(0, buffers - PipelineBuffers) : 0);
    }

    internal long BufferBytes(ParameterLayout layout) => 4 * BufferWords * layout.SubgroupElements;

    private void Validate()
    {
        if (PipelineBuffers < 2) throw new ConfigurationException($"OptimizerOffloadOptions.PipelineBuffers is {PipelineBuffers}: use 2 or more.");
        if (Threads < 1) throw new ConfigurationException($"OptimizerOffloadOptions.Threads is {Threads}: use 1 or more.");
        if (!(DeviceShare >= 0 && DeviceShare <= 1)) throw new ConfigurationException($"OptimizerOffloadOptions.DeviceShare is {DeviceShare}: use a number in [0, 1].");
        if (DeviceShare > 0 && Device is null) throw new ConfigurationException("OptimizerOffloadOptions.DeviceShare is above 0 without a Device: give one, or 0.");
        if (DeviceShare > 0 && !KeepsMasterParameters)
            throw new ConfigurationException("A device updates master parameters that move with the moments: set OptimizerOffloadOptions.KeepsMasterParameters, or DeviceShare to 0.");
    }
}
