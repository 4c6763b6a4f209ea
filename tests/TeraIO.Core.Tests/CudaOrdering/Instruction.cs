namespace TeraIO.Core.Tests.CudaOrdering;

/// <summary>What a host thread of the engine does next. Tensors, places of memory, fences, streams and requests are numbers.</summary>
internal abstract record Instruction
{
    /// <summary>A kernel on the tensor, which is to be at the place.</summary>
    public sealed record Launch(int Tensor, int Place, bool Writes = true, int Stream = 0) : Instruction;

    public sealed record Record(int Fence, int Stream = 0) : Instruction;

    public sealed record Arm(int Fence, int Transfers = 1) : Instruction;

    /// <summary>From the place to the file; requests are numbered in the order of the program.</summary>
    public sealed record Write(int Request, int Tensor, int Place, int? After = null, int? Signals = null) : Instruction;

    /// <summary>From the file to the place.</summary>
    public sealed record Read(int Request, int Tensor, int Place, int? After = null, int? Signals = null, bool IsUrgent = false) : Instruction;

    /// <summary>The stream, or in host mode this thread, waits for the transfers of the fence.</summary>
    public sealed record MakeWait(int Fence, int Stream = 0) : Instruction;

    /// <summary>Waits for the request's completion.</summary>
    public sealed record Collect(int Request) : Instruction;

    /// <summary>Gives the memory back to the allocator.</summary>
    public sealed record Free(int Place) : Instruction;

    public sealed record Cancel(int Request) : Instruction;

    public sealed record Destroy(int Fence) : Instruction;

    /// <summary>With <see cref="Defect.WaitsForAReadWithoutRoom"/> a <see cref="MakeWait"/>, else nothing.</summary>
    public sealed record MakeWaitTooEarly(int Fence) : Instruction;

    /// <summary>Waits until all reads have ended that streams wait for; if one has failed, the thread's program ends here.</summary>
    public sealed record AwaitReads : Instruction;

    /// <summary>Waits for the stream, and lets the program see the tensor.</summary>
    public sealed record BringOut(int Tensor, int Place, int Stream = 0) : Instruction;

    /// <summary>Waits for the write, and takes what is in the file for the tensor; if a read has failed that streams wait for, the thread's program ends here.</summary>
    public sealed record Trust(int Request) : Instruction;

    /// <summary>Takes the engine's lock.</summary>
    public sealed record TakeLock : Instruction;

    /// <summary>A driver call that waits for the stream.</summary>
    public sealed record Synchronize(int Stream = 0) : Instruction;

    public sealed record ReleaseLock : Instruction;

    /// <summary>Waits until another host thread has armed the fence.</summary>
    public sealed record AwaitArmed(int Fence) : Instruction;
}
