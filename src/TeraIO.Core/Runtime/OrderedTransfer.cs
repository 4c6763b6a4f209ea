using System.Runtime.CompilerServices;
using TeraIO.Core.Residency;
using TeraIO.Core.Transfers;

namespace TeraIO.Core.Runtime;

/// <summary>A transfer that <see cref="EngineState"/> began; <see cref="EngineState.EndTransfer"/> or <see cref="EngineState.EndRead"/> follows once it was awaited.</summary>
/// <param name="Task">To await once.</param>
/// <param name="After">The fence behind the kernels before it; null where there are none to wait for.</param>
/// <param name="Read">A read that the stream may be made to wait for; null: a write, or only the host waits.</param>
internal readonly record struct OrderedTransfer(ValueTask Task, TransferFence? After = null, AwaitableRead? Read = null)
{
    /// <summary>Nothing to wait for.</summary>
    public static OrderedTransfer None => new(ValueTask.CompletedTask);

    /// <summary>Awaits it without a thread.</summary>
    /// <param name="ended">Told what it ended with, null being success: at once, or on the store's completion thread, which must not be blocked.</param>
    public void WhenEnded(Action<TeraIOException?> ended)
    {
        ValueTaskAwaiter awaiter = Task.GetAwaiter();
        if (awaiter.IsCompleted) Finish();
        else awaiter.UnsafeOnCompleted(Finish);

        void Finish()
        {
            TeraIOException? failure = null;
            try
            {
                awaiter.GetResult();
            }
            catch (TeraIOException e)
            {
                failure = e;
            }

            ended(failure);
        }
    }
}
