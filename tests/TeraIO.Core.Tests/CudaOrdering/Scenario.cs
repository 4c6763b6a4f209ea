using static TeraIO.Core.Tests.CudaOrdering.Instruction;

namespace TeraIO.Core.Tests.CudaOrdering;

/// <summary>A small machine and what the engine does on it.</summary>
/// <param name="Name">For test output.</param>
/// <param name="Places">The tensor at each place of device memory, or -1.</param>
/// <param name="OnFile">Whether the file has each tensor's newest bytes at the beginning.</param>
/// <param name="Threads">The instructions of each host thread.</param>
internal sealed record Scenario(string Name, int[] Places, bool[] OnFile, Instruction[][] Threads)
{
    public int Slots { get; init; } = 1;

    public int Streams { get; init; } = 1;

    public int Fences { get; init; } = 2;

    /// <summary>Transfers that may fail, at any point of their way.</summary>
    public int Failures { get; init; }

    /// <summary>Streams cannot wait: the host does.</summary>
    public bool WaitsOnHost { get; init; }

    /// <summary>Reads that the engine hands on at once; 0: it has no lane, and hands all on.</summary>
    public int LanePlaces { get; init; }

    /// <summary>How often a read that failed is tried again.</summary>
    public int Retries { get; init; }

    /// <summary>Whoever finds, when the wait is made, that its read has failed goes no further: the op fails.</summary>
    public bool OpsFail { get; init; }

    public Defect Defect { get; init; }

    public override string ToString() => Name + (WaitsOnHost ? ", waits on host" : "") + (Failures > 0 ? ", failures" : "");

    private const int A = 0;
    private const int B = 1;
    private const int C = 2;
    private const int Kernels = 0;
    private const int Bytes = 1;

    /// <summary>Two tensors that are written take turns in one place of memory.</summary>
    public static Scenario DirtyTensorsTakeTurns { get; } = new(
        nameof(DirtyTensorsTakeTurns), [A], [false, true],
        [[
            new Launch(A, 0), new Record(Kernels), new Write(0, A, 0, Kernels), new Collect(0), new Free(0),
            new Record(Kernels), new Arm(Bytes), new Read(1, B, 0, Kernels, Bytes), new MakeWait(Bytes),
            new Launch(B, 0), new Record(Kernels), new Write(2, B, 0, Kernels), new Collect(2), new Free(0),
            new Record(Kernels), new Arm(Bytes), new Read(3, A, 0, Kernels, Bytes), new MakeWait(Bytes), new Launch(A, 0),
        ]]);

    /// <summary>Clean tensors are only dropped: the host runs ahead and waits for nothing, fences are used again at once.</summary>
    public static Scenario CleanTensorsTakeTurns { get; } = new(
        nameof(CleanTensorsTakeTurns), [A], [true, true],
        [[
            new Launch(A, 0, Writes: false),
            new Record(Kernels), new Arm(Bytes), new Read(0, B, 0, Kernels, Bytes), new MakeWait(Bytes), new Launch(B, 0, Writes: false),
            new Record(Kernels), new Arm(Bytes), new Read(1, A, 0, Kernels, Bytes), new MakeWait(Bytes), new Launch(A, 0, Writes: false),
            new Record(Kernels), new Arm(Bytes), new Read(2, B, 0, Kernels, Bytes), new MakeWait(Bytes), new Launch(B, 0, Writes: false),
        ]]);

    /// <summary>Two stripes under one fence, with room for both on their way; then their place is taken from them again.</summary>
    public static Scenario OneFenceForTwoTransfers { get; } = new(
        nameof(OneFenceForTwoTransfers), [-1, -1], [true, true],
        [[
            new Arm(Bytes, 2), new Read(0, A, 0, null, Bytes), new Read(1, B, 1, null, Bytes), new MakeWait(Bytes),
            new Launch(A, 0), new Launch(B, 1), new Record(Kernels), new Write(2, A, 0, Kernels), new Write(3, B, 1, Kernels),
            new Collect(2), new Free(0), new Collect(3), new Free(1),
        ]])
    { Slots = 2 };

    /// <summary>The kernel that the first read comes after needs the second.</summary>
    public static Scenario AHeldReadBeforeTheOneItNeeds { get; } = new(
        nameof(AHeldReadBeforeTheOneItNeeds), [A, -1], [true, true],
        [[
            new Arm(Bytes), new Launch(A, 0, Writes: false), new MakeWait(Bytes), new Launch(B, 1, Writes: false), new Record(Kernels),
            new Read(0, A, 0, Kernels), new Collect(0),
        ], [
            new AwaitArmed(Bytes), new Read(1, B, 1, null, Bytes),
        ]])
    { Slots = 2 };

    /// <summary>A stream waits for a read that comes after kernels of another stream.</summary>
    public static Scenario TwoStreams { get; } = new(
        nameof(TwoStreams), [A, B], [true, true],
        [[
            new Launch(A, 0, Writes: false, Stream: 1), new Arm(Bytes), new MakeWait(Bytes), new Record(Kernels),
            new Read(0, B, 1, Kernels), new Collect(0),
        ], [
            new AwaitArmed(Bytes), new Record(2, Stream: 1), new Read(1, B, 0, 2, Bytes), new Collect(1),
        ]])
    { Streams = 2, Fences = 3 };

    /// <summary>A fence is recorded again, where nothing is to be waited for, while a request waits for its former moment.</summary>
    public static Scenario AFenceIsRecordedAgain { get; } = new(
        nameof(AFenceIsRecordedAgain), [A, B], [true, true],
        [[
            new Launch(A, 0, Writes: false), new Record(Kernels), new Read(0, B, 0, Kernels),
            new Record(Kernels, Stream: 1), new Read(1, A, 1, Kernels), new Collect(0), new Collect(1),
        ]])
    { Streams = 2, Slots = 2 };

    /// <summary>Another thread cancels a read that a stream waits for.</summary>
    public static Scenario AReadIsCancelled { get; } = new(
        nameof(AReadIsCancelled), [A], [true, true],
        [[
            new Launch(A, 0, Writes: false), new Record(Kernels), new Arm(Bytes), new Read(0, B, 0, Kernels, Bytes),
            new MakeWait(Bytes), new Launch(B, 0, Writes: false), new Collect(0),
        ], [
            new AwaitArmed(Bytes), new Cancel(0),
        ]]);

    /// <summary>A fence goes although one of its two transfers was never submitted.</summary>
    public static Scenario AFenceIsGivenUp { get; } = new(
        nameof(AFenceIsGivenUp), [-1], [true],
        [[
            new Arm(Bytes, 2), new Read(0, A, 0, null, Bytes), new Collect(0), new Destroy(Bytes),
        ], [
            new AwaitArmed(Bytes), new MakeWait(Bytes), new Launch(A, 0, Writes: false),
        ]]);

    /// <summary>An op needs a block that is away, in the place of one that has to leave first; what comes of it leaves, and is brought out.</summary>
    public static Scenario RoomIsMadeForARead { get; } = new(
        nameof(RoomIsMadeForARead), [A], [false, true],
        [[
            new Launch(A, 0), new Arm(Bytes), new MakeWaitTooEarly(Bytes),
            new Record(Kernels), new Write(0, A, 0, Kernels), new Trust(0), new Free(0),
            new Record(Kernels), new Read(1, B, 0, Kernels, Bytes), new MakeWait(Bytes), new Launch(B, 0),
            new Record(Kernels), new Write(2, B, 0, Kernels), new Trust(2), new AwaitReads(), new BringOut(B, 0),
        ]])
    { OpsFail = true };

    /// <summary>The host runs ahead of a read: the op's result is brought out.</summary>
    public static Scenario AResultBehindARead { get; } = new(
        nameof(AResultBehindARead), [-1], [true],
        [[
            new Arm(Bytes), new Read(0, A, 0, null, Bytes), new MakeWait(Bytes), new Launch(A, 0), new Launch(A, 0), new AwaitReads(), new BringOut(A, 0),
        ]])
    { OpsFail = true };

    /// <summary>A block dies while it is read, and another one gets its memory when that has ended.</summary>
    public static Scenario ABlockDiesWhileItIsRead { get; } = new(
        nameof(ABlockDiesWhileItIsRead), [-1], [true, true],
        [[
            new Arm(Bytes), new Read(0, A, 0, null, Bytes), new Collect(0), new Free(0),
            new Record(Kernels), new Arm(Bytes), new Read(1, B, 0, Kernels, Bytes), new MakeWait(Bytes), new Launch(B, 0, Writes: false),
        ]])
    { Slots = 2 };

    /// <summary>A planned prefetch of a block that is to leave again before any op has used it.</summary>
    public static Scenario ABlockIsToLeaveWhileItIsRead { get; } = new(
        nameof(ABlockIsToLeaveWhileItIsRead), [-1], [true],
        [[
            new Arm(Bytes), new Read(0, A, 0, null, Bytes), new Collect(0), new Record(Kernels), new Write(1, A, 0, Kernels), new Collect(1), new Free(0),
        ]])
    { Slots = 2 };

    /// <summary>A prefetch that the stream waits for, and reads behind the kernels that wait for it, through a lane with one place.</summary>
    public static Scenario ReadsThroughALane { get; } = new(
        nameof(ReadsThroughALane), [-1, -1, -1], [true, true, true],
        [[
            new Arm(Bytes), new Read(0, A, 0, null, Bytes), new MakeWait(Bytes), new Launch(A, 0, Writes: false),
            new Record(Kernels), new Arm(Bytes), new Read(1, B, 1, Kernels, Bytes, IsUrgent: true), new MakeWait(Bytes),
            new Record(Kernels), new Arm(Bytes), new Read(2, C, 2, Kernels, Bytes, IsUrgent: true), new MakeWait(Bytes), new Launch(C, 2, Writes: false),
            new AwaitReads(), new BringOut(A, 0),
        ]])
    { LanePlaces = 1, Retries = 1, OpsFail = true };

    /// <summary>A thread that holds the engine's lock is in a driver call that waits for the stream.</summary>
    public static Scenario TheEngineIsLocked { get; } = new(
        nameof(TheEngineIsLocked), [-1], [true],
        [[
            new Arm(Bytes), new Read(0, A, 0, null, Bytes), new MakeWait(Bytes), new Launch(A, 0, Writes: false), new TakeLock(), new Synchronize(), new ReleaseLock(), new AwaitReads(),
        ]])
    { OpsFail = true };

    public static Scenario[] All() =>
    [
        DirtyTensorsTakeTurns, CleanTensorsTakeTurns, OneFenceForTwoTransfers, AHeldReadBeforeTheOneItNeeds, TwoStreams, AFenceIsRecordedAgain,
        AReadIsCancelled, AFenceIsGivenUp, RoomIsMadeForARead, AResultBehindARead, ABlockDiesWhileItIsRead, ABlockIsToLeaveWhileItIsRead, ReadsThroughALane, TheEngineIsLocked,
    ];
}
