namespace TeraIO.Core.Residency;

/// <summary>Where the bytes of a tensor storage are.</summary>
public enum ResidencyState : byte
{
    /// <summary>In memory, usable. A copy in the store may exist as well.</summary>
    Resident,

    /// <summary>In memory and being written to the store; still usable.</summary>
    Offloading,

    /// <summary>Only in the store; memory holds a tombstone.</summary>
    Offloaded,

    /// <summary>Memory is allocated again and being filled from the store; not usable yet.</summary>
    Prefetching,

    /// <summary>As <see cref="Prefetching"/>, but usable on the device: its stream waits for the bytes, and kernels are launched behind that wait.</summary>
    Arriving,

    /// <summary>The read that a stream waited for failed: kernels have worked with what was not the tensor. Memory holds nothing that anybody may see.</summary>
    Lost,

    /// <summary>The storage was destroyed. Terminal.</summary>
    Dead,
}

/// <summary>What can happen to a tensor storage.</summary>
public enum ResidencyEvent : byte
{
    /// <summary>A write to the store was issued, or the check that the store holds these very bytes already.</summary>
    OffloadStarted,

    /// <summary>The store holds the bytes and the memory was released.</summary>
    OffloadCompleted,

    /// <summary>The write failed, or the bytes were needed again meanwhile: they stay in memory.</summary>
    OffloadAbandoned,

    /// <summary>Memory was allocated and a read was issued.</summary>
    PrefetchStarted,

    /// <summary>A stream was made to wait for the read, so that ops may be launched that need the bytes.</summary>
    PrefetchAwaited,

    /// <summary>The read completed and was verified.</summary>
    PrefetchCompleted,

    /// <summary>The read failed; the memory was released again, unless kernels may have used it.</summary>
    PrefetchFailed,

    /// <summary>The storage was destroyed.</summary>
    Died,
}

/// <summary>
/// The transition table of <see cref="ResidencyState"/>:
/// <code>
///            OffloadStarted              OffloadCompleted
///   Resident ----------------> Offloading ----------------> Offloaded
///     ^  ^                         |                         |    ^
///     |  +-------------------------+         PrefetchStarted |    | PrefetchFailed
///     |        OffloadAbandoned                              v    |
///     +------------------------------------------------- Prefetching
///     ^                 PrefetchCompleted                    |
///     |                                                      | PrefetchAwaited
///     | PrefetchCompleted              PrefetchFailed        v
///     +------------------------------------------------- Arriving ----------------> Lost
///   every state but Dead: Died -> Dead
/// </code>
/// A tensor's bytes exist in at least one place in every state but <see cref="ResidencyState.Dead"/> and <see cref="ResidencyState.Lost"/>: memory in Resident and Offloading, the
/// store in Offloaded, Prefetching and Arriving (there with what kernels in the stream are still to make of them). Pure and thread-safe.
/// </summary>
public static class ResidencyTransitions
{
    /// <summary>The state after <paramref name="residencyEvent"/>; false when the event cannot happen in <paramref name="state"/>.</summary>
    public static bool TryNext(ResidencyState state, ResidencyEvent residencyEvent, out ResidencyState next)
    {
        ResidencyState? result = (state, residencyEvent) switch
        {
            (ResidencyState.Resident, ResidencyEvent.OffloadStarted) => ResidencyState.Offloading,
            (ResidencyState.Offloading, ResidencyEvent.OffloadCompleted) => ResidencyState.Offloaded,
            (ResidencyState.Offloading, ResidencyEvent.OffloadAbandoned) => ResidencyState.Resident,
            (ResidencyState.Offloaded, ResidencyEvent.PrefetchStarted) => ResidencyState.Prefetching,
            (ResidencyState.Prefetching, ResidencyEvent.PrefetchCompleted) => ResidencyState.Resident,
            (ResidencyState.Prefetching, ResidencyEvent.PrefetchFailed) => ResidencyState.Offloaded,
            (ResidencyState.Prefetching, ResidencyEvent.PrefetchAwaited) => ResidencyState.Arriving,
            (ResidencyState.Arriving, ResidencyEvent.PrefetchCompleted) => ResidencyState.Resident,
            (ResidencyState.Arriving, ResidencyEvent.PrefetchFailed) => ResidencyState.Lost,
            (not ResidencyState.Dead, ResidencyEvent.Died) => ResidencyState.Dead,
            _ => null,
        };
        next = result ?? state;
        return result.HasValue;
    }

    /// <summary>The state after <paramref name="residencyEvent"/>.</summary>
    /// <exception cref="InvalidOperationException">The event cannot happen in <paramref name="state"/>: a defect of the caller.</exception>
    public static ResidencyState Next(ResidencyState state, ResidencyEvent residencyEvent) =>
        TryNext(state, residencyEvent, out ResidencyState next)
            ? next
            : throw new InvalidOperationException($"A storage that is {state} cannot take {residencyEvent}.");
}
