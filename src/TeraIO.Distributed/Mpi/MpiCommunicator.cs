using TeraIO.Core;

namespace TeraIO.Distributed.Mpi;

/// <summary>All processes of an mpirun, by Open MPI.</summary>
internal sealed unsafe class MpiCommunicator : ICommunicator
{
    // mpi.h of Open MPI: any thread may call, one at a time.
    private const int Serialized = 2;

    private readonly MpiLibrary _mpi;
    private readonly nint _communicator;
    private readonly bool _ownsMpi;

    private MpiCommunicator(MpiLibrary mpi, bool ownsMpi)
    {
        _mpi = mpi;
        _ownsMpi = ownsMpi;
        // A communicator of our own: its messages and its error handler are nobody else's.
        nint copy;
        mpi.Check(mpi.Duplicate(mpi.World, &copy), "MPI_Comm_dup");
        _communicator = copy;
        mpi.Check(mpi.SetErrorHandler(copy, mpi.ErrorsReturn), "MPI_Comm_set_errhandler");
        int rank, size;
        mpi.Check(mpi.CommunicatorRank(copy, &rank), "MPI_Comm_rank");
        mpi.Check(mpi.CommunicatorSize(copy, &size), "MPI_Comm_size");
        Rank = rank;
        Size = size;
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <summary>Loads and starts MPI; collective. If the program has started it already, the program also ends it.</summary>
    /// <exception cref="ConfigurationException">Open MPI does not load, or lets only its own thread call.</exception>
    /// <exception cref="CommunicationException">It does not start.</exception>
    public static MpiCommunicator Start(Launch launch)
    {
        MpiLibrary mpi = MpiLibrary.Load(launch);
        int started, provided;
        mpi.Check(mpi.Initialized(&started), "MPI_Initialized");
        if (started == 0) mpi.Check(mpi.InitThread(null, null, Serialized, &provided), "MPI_Init_thread");
        else mpi.Check(mpi.QueryThread(&provided), "MPI_Query_thread");
        if (provided < Serialized)
        {
            throw new ConfigurationException(
                $"{mpi.Name} allows calls from one thread only (level {provided}, {Serialized} is needed): use an Open MPI built with thread support, and MPI_THREAD_SERIALIZED where the program starts MPI itself.");
        }

        return new MpiCommunicator(mpi, ownsMpi: started == 0);
    }

    /// <inheritdoc/>
    public void SumInPlace(Span<float> values)
    {
        // A span has fewer than 2^31 elements, which is MPI's limit too.
        fixed (float* first = values) _mpi.Check(_mpi.AllReduce((void*)MpiLibrary.InPlace, first, values.Length, _mpi.Float, _mpi.Sum, _communicator), "MPI_Allreduce");
    }

    /// <inheritdoc/>
    public void Broadcast(Span<byte> bytes, int from)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(from, Size);
        fixed (byte* first = bytes) _mpi.Check(_mpi.Broadcast(first, bytes.Length, _mpi.Byte, from, _communicator), "MPI_Bcast");
    }

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<byte> own, Span<byte> all)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(all.Length, own.Length * (long)Size);
        fixed (byte* mine = own)
        fixed (byte* first = all)
            _mpi.Check(_mpi.AllGather(mine, own.Length, _mpi.Byte, first, own.Length, _mpi.Byte, _communicator), "MPI_Allgather");
    }

    /// <inheritdoc/>
    public void Leave()
    {
        // MPI_Finalize need not wait: without the barrier a rank could be gone before another has sent its last message.
        _mpi.Check(_mpi.Barrier(_communicator), "MPI_Barrier");
        if (_ownsMpi) _mpi.Check(_mpi.Finalize(), "MPI_Finalize");
    }

    /// <inheritdoc/>
    public void Abort(int exitCode) => _ = _mpi.Abort(_communicator, exitCode);
}
