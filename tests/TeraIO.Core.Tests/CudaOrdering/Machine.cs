using System.Globalization;
using System.Text;

namespace TeraIO.Core.Tests.CudaOrdering;

/// <summary>
/// The protocol of docs/cuda-ordering.md as a state machine: host threads, compute streams, two copy streams, the thread of the storage
/// queue, the threads that watch kernels, a small device memory and pinned slots. <see cref="Steps"/> are what can happen next; each is
/// as small as the real threads can be told apart.
/// </summary>
/// <remarks>
/// Bytes are a tensor and a version. A kernel expects the version that the program says, at its start and at its end; a copy takes what
/// is there at its start and must find the same at its end; the file must get what was expected. Whatever breaks the order shows as
/// wrong bytes, and whatever loses a signal as a deadlock.
/// </remarks>
internal sealed partial class Machine
{
    private const int None = -1;

    private enum Phase
    {
        Absent,
        InLane,
        Held,
        Queued,
        Reading,
        Copying,
        Copied,
        Writing,
        Failing,
        Completed,
    }

    private sealed record Bytes(int Tensor, int Version);

    /// <summary>Nothing that anybody can use: free, or on its way.</summary>
    private static readonly Bytes _garbage = new(None, None);

    /// <summary>Half written by a kernel.</summary>
    private static Bytes InWork(int tensor) => new(tensor, None);

    private enum Item
    {
        Kernel,
        Event,
        WaitForWord,
    }

    // The subject is a tensor, a point or a word; the value, the version that a kernel expects or a word's least value.
    private sealed record StreamItem(Item Kind, int Subject, int Value = 0, int Place = 0, bool Writes = false, bool Began = false, bool IsWrong = false);

    // A copy of a request, or, with the defect of that name, a wait for a point in front of one.
    private sealed record CopyItem(int Request, int Slot = None, int Point = None, bool Began = false);

    private sealed record Request(bool IsWrite, int Tensor, int Version, int Place, int After, int AfterFence, int Arming)
    {
        public Phase Phase { get; init; }

        public int Slot { get; init; } = None;

        public bool Failed { get; init; }

        public bool Cancelled { get; init; }

        public bool Subscribed { get; init; }

        public bool IsUrgent { get; init; }

        public int Sequence { get; init; } = None;

        public int RetriesLeft { get; init; }

        public bool IsRepeated { get; init; }
    }

    /// <summary>What a recorded fence stands for.</summary>
    private sealed record Point(int Stream, bool Reached, bool Noticed);

    /// <summary>What an armed fence stands for.</summary>
    private sealed record Arming(int Outstanding, int Unpromised, bool Passed, bool Failed, int Word, int Value);

    private sealed record Fence(int Point, int Arming);

    private readonly Scenario _scenario;
    private readonly int[] _next;  // instruction of each host thread
    private readonly int[] _submitting;  // the request that a host thread is in the middle of submitting
    private readonly Bytes[] _places;
    private readonly Bytes[] _slots;
    private readonly int[] _slotOwners;
    private readonly int[] _files;  // the version of each tensor
    private readonly int[] _launched;  // the version of each tensor after the kernels launched so far
    private readonly List<StreamItem>[] _streams;
    private readonly List<CopyItem>[] _copies;  // to the host, to the device
    private readonly List<int>[] _watched;  // points by stream
    private readonly List<int> _notifying;  // points whose watch has not told the queue yet
    private readonly Request?[] _requests;
    private readonly Fence[] _fences;
    private readonly List<Point> _points;
    private readonly List<Arming> _armings;
    private readonly List<int> _words;
    private readonly bool[] _isWrongOnFile;
    private readonly List<int> _awaited;  // armings that streams were made to wait for
    private int _failuresLeft;
    private bool _anythingFailed;
    private int _lockedBy = None;
    private int _nextSequence;

    public Machine(Scenario scenario)
    {
        _isWrongOnFile = new bool[scenario.OnFile.Length];
        _awaited = [];
        _scenario = scenario;
        _next = new int[scenario.Threads.Length];
        _submitting = [.. scenario.Threads.Select(static _ => None)];
        _places = [.. scenario.Places.Select(static tensor => tensor == None ? _garbage : new Bytes(tensor, 0))];
        _slots = [.. Enumerable.Repeat(_garbage, scenario.Slots)];
        _slotOwners = [.. Enumerable.Repeat(None, scenario.Slots)];
        _files = [.. scenario.OnFile.Select(static there => there ? 0 : None)];
        _launched = new int[scenario.OnFile.Length];
        _streams = [.. Enumerable.Range(0, scenario.Streams).Select(static _ => new List<StreamItem>())];
        _copies = [[], []];
        _watched = [.. Enumerable.Range(0, scenario.Streams).Select(static _ => new List<int>())];
        _notifying = [];
        _requests = new Request?[scenario.Threads.Sum(static thread => thread.Count(static i => i is Instruction.Read or Instruction.Write))];
        _fences = [.. Enumerable.Repeat(new Fence(None, None), scenario.Fences)];
        _points = [];
        _armings = [];
        _words = [];
        _failuresLeft = scenario.Failures;
        Description = Describe();
    }

    private Machine(Machine other)
    {
        _scenario = other._scenario;
        _next = [.. other._next];
        _submitting = [.. other._submitting];
        _places = [.. other._places];
        _slots = [.. other._slots];
        _slotOwners = [.. other._slotOwners];
        _files = [.. other._files];
        _launched = [.. other._launched];
        _streams = [.. other._streams.Select(static stream => new List<StreamItem>(stream))];
        _copies = [.. other._copies.Select(static stream => new List<CopyItem>(stream))];
        _watched = [.. other._watched.Select(static points => new List<int>(points))];
        _notifying = [.. other._notifying];
        _requests = [.. other._requests];
        _fences = [.. other._fences];
        _points = [.. other._points];
        _armings = [.. other._armings];
        _words = [.. other._words];
        _isWrongOnFile = [.. other._isWrongOnFile];
        _awaited = [.. other._awaited];
        _lockedBy = other._lockedBy;
        _nextSequence = other._nextSequence;
        _failuresLeft = other._failuresLeft;
        _anythingFailed = other._anythingFailed;
        Description = "";
    }

    /// <summary>The whole state as text.</summary>
    public string Description { get; private set; }

    /// <summary>What has gone wrong, once it has.</summary>
    public string? Violation { get; private set; }

    private Defect Defect => _scenario.Defect;

    /// <summary>Everything that can happen next, with a name.</summary>
    public IEnumerable<(string Step, Machine Next)> Steps() =>
        HostSteps().Concat(LaneSteps()).Concat(StreamSteps()).Concat(WatchSteps()).Concat(CopySteps()).Concat(StorageSteps());

    /// <summary>Where nothing can happen any more: what is wrong with that, or <see langword="null"/> at a good end.</summary>
    public string? WhatIsWrongAtTheEnd()
    {
        for (int thread = 0; thread < _next.Length; thread++)
        {
            if (_next[thread] < _scenario.Threads[thread].Length)
                return $"deadlock: thread {thread} waits at {_scenario.Threads[thread][_next[thread]]}";
        }
        for (int stream = 0; stream < _streams.Length; stream++)
        {
            if (_streams[stream] is [var head, ..])
                return $"deadlock: stream {stream} waits at {head.Kind}";
        }
        int open = Array.FindIndex(_requests, static request => request is { Phase: not Phase.Completed });
        if (open >= 0)
            return $"deadlock: request {open} stands still as {_requests[open]!.Phase}";
        foreach (var request in _requests)
        {
            if (request is { Failed: true, Arming: not None } && !_armings[request.Arming].Failed)
                return "lost error: a transfer failed and its fence does not say so";
        }
        return null;
    }

    private (string, Machine) Step(string name, Action<Machine> change)
    {
        var next = new Machine(this);
        change(next);
        next.Description = next.Describe();
        return (name, next);
    }

    /// <summary>After a failure the engine ends the step with an error: bytes may then be wrong, but nobody may hang.</summary>
    private void Require(bool right, string violation)
    {
        if (!right && !_anythingFailed)
            Violation ??= violation;
    }

    private void Change(int request, Func<Request, Request> change) => _requests[request] = change(_requests[request]!);

    private string Describe()
    {
        var text = new StringBuilder();
        Append(text, _next);
        Append(text, _submitting);
        Append(text, _places);
        Append(text, _slots);
        Append(text, _slotOwners);
        Append(text, _files);
        Append(text, _launched);
        foreach (var stream in _streams)
            Append(text, stream);
        foreach (var stream in _copies)
            Append(text, stream);
        foreach (var points in _watched)
            Append(text, points);
        Append(text, _notifying);
        Append(text, _requests);
        Append(text, _fences);
        Append(text, _points);
        Append(text, _armings);
        Append(text, _words);
        Append(text, _isWrongOnFile);
        Append(text, _awaited);
        text.Append(CultureInfo.InvariantCulture, $"{_failuresLeft} {_anythingFailed} {_lockedBy} {_nextSequence}");
        return text.ToString();
    }

    private static void Append<T>(StringBuilder text, IEnumerable<T> values)
    {
        foreach (var value in values)
        {
            Append(text, value);
            text.Append(',');
        }
        text.Append('\n');
    }

    private static void Append(StringBuilder text, object? value)
    {
        // The records' own texts would do, but are ten times as long, and this is where the time goes.
        switch (value)
        {
            case Bytes bytes:
                text.Append(bytes.Tensor).Append('v').Append(bytes.Version);
                break;
            case StreamItem item:
                text.Append((int)item.Kind).Append(' ').Append(item.Subject).Append(' ').Append(item.Value).Append(' ').Append(item.Place)
                    .Append(item.Writes ? 'w' : 'r').Append(item.Began ? '!' : '.').Append(item.IsWrong ? 'x' : '.');
                break;
            case CopyItem copy:
                text.Append(copy.Request).Append(' ').Append(copy.Point).Append(copy.Began ? '!' : '.');
                break;
            case Request request:
                // The rest is fixed by the program, but for these.
                text.Append((int)request.Phase).Append(' ').Append(request.Version).Append(' ').Append(request.Slot).Append(' ').Append(request.After)
                    .Append(' ').Append(request.Arming).Append(request.Failed ? 'f' : '.').Append(request.Cancelled ? 'c' : '.')
                    .Append(request.Subscribed ? 's' : '.').Append(request.Sequence).Append(request.RetriesLeft).Append(request.IsRepeated ? 'r' : '.');
                break;
            case Point point:
                text.Append(point.Stream).Append(point.Reached ? 'r' : '.').Append(point.Noticed ? 'n' : '.');
                break;
            case Arming arming:
                text.Append(arming.Outstanding).Append(' ').Append(arming.Unpromised).Append(' ').Append(arming.Word).Append(' ').Append(arming.Value)
                    .Append(arming.Passed ? 'p' : '.').Append(arming.Failed ? 'f' : '.');
                break;
            case Fence fence:
                text.Append(fence.Point).Append(' ').Append(fence.Arming);
                break;
            default:
                text.Append(value);
                break;
        }
    }
}
