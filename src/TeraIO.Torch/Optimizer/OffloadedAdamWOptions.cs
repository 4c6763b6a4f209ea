using TeraIO.Core;
using TeraIO.Core.Storage;
using TeraIO.Optimizer.Layout;
using TeraIO.Optimizer.Update;

namespace TeraIO.Torch.Optimizer;

/// <summary>Where and how <see cref="OffloadedAdamW"/> keeps its state. Immutable.</summary>
public sealed record OffloadedAdamWOptions
{
    /// <summary>The paths that hold the state.</summary>
    public required StoreOptions Store { get; init; }

    /// <summary>Host memory for subgroups on their way and for narrow gradients; what is left caches the end of each update. Default 512 MiB.</summary>
    public ByteSize HostBudget { get; init; } = ByteSize.FromMiB(512);

    /// <summary>Parameters of a subgroup, the unit in which state moves. Default 4 Mi (48 MiB of state with master parameters).</summary>
    public long SubgroupElements { get; init; } = 4 << 20;

    /// <summary>
    /// <see langword="null"/>: gradients are read where backward left them. <see cref="ElementFormat.Bf16"/> or <see cref="ElementFormat.Fp16"/>: they are copied to
    /// two bytes each in a step, beside the update, and the tensors' own gradients are dropped at its end. Default <see langword="null"/>.
    /// </summary>
    public ElementFormat? GradientFormat { get; init; }

    /// <summary>Order of the subgroups. Default alternating.</summary>
    public UpdateOrder Order { get; init; } = UpdateOrder.Alternating;

    /// <summary>Threads of the update. Default: as many as processors.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;
}
