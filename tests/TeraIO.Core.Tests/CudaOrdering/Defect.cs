namespace TeraIO.Core.Tests.CudaOrdering;

/// <summary>One step of the protocol left out or done wrongly. The explorer must find each, or it proves nothing.</summary>
internal enum Defect
{
    None,

    /// <summary>A write begins without its kernels having finished.</summary>
    WriteIgnoresKernels,

    /// <summary>A read begins without the kernels that use its memory having finished.</summary>
    ReadIgnoresKernels,

    /// <summary>The event is recorded in front of the last kernel instead of behind it.</summary>
    RecordsTooEarly,

    /// <summary>The compute stream is not made to wait for the bytes.</summary>
    StreamDoesNotWait,

    /// <summary>Memory is free when its write is submitted, not when it is completed.</summary>
    FreesBeforeTheWriteEnded,

    /// <summary>A read signals when its bytes are in pinned memory, with the copy still to come.</summary>
    SignalsBeforeTheCopy,

    /// <summary>A slot of pinned memory is taken for done with when its copy is enqueued.</summary>
    DoesNotAwaitCopies,

    /// <summary>A fence of several transfers opens with the first of them.</summary>
    OpensWithTheFirst,

    /// <summary>A failed transfer signals nobody.</summary>
    FailureSignalsNobody,

    /// <summary>A cancelled transfer signals nobody.</summary>
    CancelSignalsNobody,

    /// <summary>Transfers that are never submitted are waited for after their fence is gone.</summary>
    AbandonsNobody,

    /// <summary>A failure lets waiters go, and the fence says that all is well.</summary>
    FailureIsForgotten,

    /// <summary>A transfer takes its slot and its place in the copy stream first, and waits for its kernels there (cuStreamWaitEvent).</summary>
    WaitsInTheCopyStream,

    /// <summary>One thread watches the kernels of all streams, in the order in which they were recorded.</summary>
    OneWatchForAllStreams,

    /// <summary>Whether the kernels have finished is looked at before subscribing to it.</summary>
    LooksBeforeItSubscribes,

    /// <summary>A request refers to its fence, not to the moment that the fence stood for when it was submitted.</summary>
    RequestFollowsItsFence,

    /// <summary>Arming clears the word that streams wait for.</summary>
    ArmingClearsTheWord,

    /// <summary>Arming leaves the word open, and waits ask for the same value again.</summary>
    ArmingLeavesTheWordOpen,

    /// <summary>The stream is made to wait for a read that has no memory yet: what makes room for it comes after that wait.</summary>
    WaitsForAReadWithoutRoom,

    /// <summary>The memory of a block that dies goes back to the allocator while its read is in flight.</summary>
    FreesDuringTheRead,

    /// <summary>A block is written while it is read and no stream waits for that.</summary>
    WritesDuringTheRead,

    /// <summary>Results leave the device without a look at the reads before them.</summary>
    BringsOutUnexamined,

    /// <summary>What was written after a failed read had let the stream go on is taken for good.</summary>
    TrustsWhatAFailedReadLetGo,

    /// <summary>A read that an op begins goes before those that plans began.</summary>
    UrgentReadsOvertake,

    /// <summary>A read that is tried again waits for a place in its lane.</summary>
    RepeatedReadsWaitForAPlace,

    /// <summary>A read that is tried again goes behind those that wait.</summary>
    RepeatedReadsGoToTheEnd,

    /// <summary>What lets the stream go on needs the engine's lock, whose holder may wait for the stream.</summary>
    SignalsUnderTheEnginesLock,
}
