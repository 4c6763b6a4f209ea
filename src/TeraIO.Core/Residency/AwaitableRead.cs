using TeraIO.Core.Transfers;

namespace TeraIO.Core.Residency;

/// <summary>A read in flight that the device's stream can be made to wait for. Guarded by the engine's lock.</summary>
/// <param name="block">What is read.</param>
/// <param name="ended">Armed before the read began; passes when its last try has ended, whatever came of it. Not owned.</param>
/// <param name="isOnDemand">An op began it, and no plan.</param>
internal sealed class AwaitableRead(TensorBlock block, TransferFence ended, bool isOnDemand)
{
    public TensorBlock Block => block;

    public TransferFence Ended => ended;

    public bool IsOnDemand => isOnDemand;

    /// <summary>The stream waits, and ops are launched behind that wait: if the read fails, they compute with wrong bytes.</summary>
    public bool IsAwaited { get; set; }

    /// <summary>What the read ended with, once the engine has looked at it; null: with success, or not yet.</summary>
    public TeraIOException? Failure { get; set; }
}
