namespace TeraIO.Distributed;

/// <summary>
/// Processes that were started together, numbered from 0 (ranks). Apart from <see cref="Abort"/>, every method is collective: it returns when all ranks have called it, and they call
/// the same methods in the same order with the same sizes.
/// </summary>
/// <remarks>
/// One thread at a time. Not disposable on purpose: a rank that leaves because of an exception must not wait for ranks that wait for it. It calls <see cref="Abort"/>, or its process
/// ends without <see cref="Leave"/>; either way mpirun ends the others.
/// </remarks>
public interface ICommunicator
{
    /// <summary>The number of this process, from 0.</summary>
    int Rank { get; }

    /// <summary>How many processes there are.</summary>
    int Size { get; }

    /// <summary>Replaces every number by its sum over the ranks. All ranks get the same bits.</summary>
    /// <exception cref="CommunicationException">MPI failed.</exception>
    void SumInPlace(Span<float> values);

    /// <summary>Gives all ranks the bytes of one of them.</summary>
    /// <param name="bytes">Read in rank <paramref name="from"/>, written in the others.</param>
    /// <param name="from">Whose bytes.</param>
    /// <exception cref="CommunicationException">MPI failed.</exception>
    void Broadcast(Span<byte> bytes, int from);

    /// <summary>Gives all ranks the bytes of all.</summary>
    /// <param name="own">This rank's; as many as every other's.</param>
    /// <param name="all">Receives <see cref="Size"/> times as many, in the order of ranks.</param>
    /// <exception cref="CommunicationException">MPI failed.</exception>
    void Gather(ReadOnlySpan<byte> own, Span<byte> all);

    /// <summary>Ends the communication; the last call of a rank that has done its work. Waits for the others to call it too.</summary>
    /// <exception cref="CommunicationException">MPI failed.</exception>
    void Leave();

    /// <summary>Ends this process and all other ranks at once, wherever they are. From any thread. Does not return, unless this process is alone: then it does nothing.</summary>
    void Abort(int exitCode);
}
