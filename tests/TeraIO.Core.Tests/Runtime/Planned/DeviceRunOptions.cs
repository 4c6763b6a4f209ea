using TeraIO.Core.Transfers;

namespace TeraIO.Core.Tests.Runtime.Planned;

/// <summary>What a <see cref="ProgramRunner"/> does otherwise than by default, on a device.</summary>
internal sealed record DeviceRunOptions
{
    public ReadWaits ReadWaits { get; init; }

    /// <summary>Of the store's only path; null: the default.</summary>
    public int? QueueDepth { get; init; }

    public TimeSpan? TransferDeadline { get; init; }

    /// <summary>Stands between the store and its backend.</summary>
    public Func<ITransferBackend, ITransferBackend>? Decorate { get; init; }
}
