namespace TeraIO.Core.Tests.CudaOrdering;

/// <summary>The engine's threads: what they put into streams and queues.</summary>
internal sealed partial class Machine
{
    private IEnumerable<(string, Machine)> HostSteps()
    {
        for (int i = 0; i < _next.Length; i++)
        {
            int thread = i;
            if (_submitting[thread] != None)
            {
                yield return Step($"host {thread}: request {_submitting[thread]} is accepted", next => next.EndSubmission(thread));
                continue;
            }
            if (_next[thread] == _scenario.Threads[thread].Length || !IsEnabled(_scenario.Threads[thread][_next[thread]]))
                continue;
            var instruction = _scenario.Threads[thread][_next[thread]];
            yield return Step($"host {thread}: {instruction}", next =>
            {
                next._next[thread]++;
                next.Execute(instruction, thread);
            });
        }
    }

    private bool IsEnabled(Instruction instruction) => instruction switch
    {
        Instruction.Collect collect => IsNotAwaited(_requests[collect.Request]) || _requests[collect.Request] is { Phase: Phase.Completed },
        Instruction.AwaitReads => Defect == Defect.BringsOutUnexamined || _awaited.TrueForAll(arming => _armings[arming].Passed),
        Instruction.BringOut result => _streams[result.Stream].Count == 0,
        Instruction.Trust trust => _requests[trust.Request] is { Phase: Phase.Completed },
        Instruction.TakeLock => _lockedBy == None,
        Instruction.Synchronize sync => _streams[sync.Stream].Count == 0,
        Instruction.MakeWait wait when _scenario.WaitsOnHost => _armings[_fences[wait.Fence].Arming].Passed,
        Instruction.AwaitArmed armed => _fences[armed.Fence].Arming != None,
        // A submission holds the lock of the queue.
        Instruction.Read or Instruction.Write or Instruction.Cancel => !QueueIsLocked,
        _ => true,
    };

    private bool IsNotAwaited(Request? request) => request is not null && (Defect switch
    {
        Defect.FreesBeforeTheWriteEnded => request.IsWrite,
        Defect.FreesDuringTheRead or Defect.WritesDuringTheRead => !request.IsWrite,
        _ => false,
    });

    private bool QueueIsLocked => Array.Exists(_submitting, static request => request != None);

    private void Execute(Instruction instruction, int thread)
    {
        switch (instruction)
        {
            case Instruction.Launch launch:
                _streams[launch.Stream].Add(new StreamItem(Item.Kernel, launch.Tensor, _launched[launch.Tensor], launch.Place, launch.Writes));
                if (launch.Writes)
                    _launched[launch.Tensor]++;
                break;
            case Instruction.Record record:
                Record(record);
                break;
            case Instruction.Arm arm:
                Abandon(arm.Fence);
                Arm(arm);
                break;
            case Instruction.Write write:
                BeginSubmission(thread, write.Request, new Request(
                    true, write.Tensor, _launched[write.Tensor], write.Place, Defect == Defect.WriteIgnoresKernels ? None : PointOf(write.After),
                    write.After ?? None, Promise(write.Signals)));
                break;
            case Instruction.Read read:
                Read(thread, read);
                break;
            case Instruction.MakeWait wait:
                if (_scenario.OpsFail && _armings[_fences[wait.Fence].Arming] is { Passed: true, Failed: true })
                    EndProgram(thread);
                else
                    MakeWait(wait);
                break;
            case Instruction.MakeWaitTooEarly early when Defect == Defect.WaitsForAReadWithoutRoom:
                MakeWait(new Instruction.MakeWait(early.Fence));
                break;
            case Instruction.AwaitReads when Defect != Defect.BringsOutUnexamined:
                EndIfAReadFailed(thread);
                break;
            case Instruction.BringOut result:
                // Whatever has failed: what the program sees is right.
                if (_places[result.Place] != new Bytes(result.Tensor, _launched[result.Tensor]))
                    Violation ??= $"the program sees {_places[result.Place]} where tensor {result.Tensor} in version {_launched[result.Tensor]} should be";
                break;
            case Instruction.Trust trust:
                if (Defect != Defect.TrustsWhatAFailedReadLetGo && EndIfAReadFailed(thread))
                    break;
                if (_requests[trust.Request]!.Failed)
                    EndProgram(thread);
                else if (_isWrongOnFile[_requests[trust.Request]!.Tensor])
                    Violation ??= $"wrong bytes of tensor {_requests[trust.Request]!.Tensor} in the file pass for good";
                break;
            case Instruction.TakeLock:
                _lockedBy = thread;
                break;
            case Instruction.ReleaseLock:
                _lockedBy = None;
                break;
            case Instruction.Free free:
                _places[free.Place] = _garbage;
                break;
            case Instruction.Cancel cancel:
                Cancel(cancel.Request);
                break;
            case Instruction.Destroy destroy:
                Abandon(destroy.Fence);
                break;
            default:
                break;  // it was waiting, and that is over
        }
    }

    /// <summary>Where the store has a lane, a request first waits there.</summary>
    private void Read(int thread, Instruction.Read read)
    {
        var request = new Request(
            false, read.Tensor, _launched[read.Tensor], read.Place, Defect == Defect.ReadIgnoresKernels ? None : PointOf(read.After),
            read.After ?? None, Promise(read.Signals))
        { RetriesLeft = _scenario.Retries };
        if (_scenario.LanePlaces == 0)
            BeginSubmission(thread, read.Request, request);
        else
            _requests[read.Request] = request with { Phase = Phase.InLane, IsUrgent = read.IsUrgent, Sequence = _nextSequence++ };
    }

    /// <summary>The engine's queue of reads: so many are handed on, those held for kernels among them.</summary>
    private IEnumerable<(string, Machine)> LaneSteps()
    {
        for (int i = 0; i < _requests.Length; i++)
        {
            int failing = i;
            if (_requests[failing] is { Phase: Phase.Failing })
                yield return Step($"lane: request {failing} is to be tried again", next => next.Repeat(failing));
        }
        int first = FirstInLane();
        if (first == None || QueueIsLocked)
            yield break;
        int taken = _requests.Count(static request => request is { IsWrite: false, Phase: not (Phase.Absent or Phase.InLane or Phase.Failing or Phase.Completed) });
        bool passes = _requests[first]!.IsRepeated && Defect != Defect.RepeatedReadsWaitForAPlace;
        if (passes || taken < _scenario.LanePlaces)
            yield return Step($"lane: hands on request {first}", next => next.HandOn(first));
    }

    private int FirstInLane()
    {
        int first = None;
        for (int i = 0; i < _requests.Length; i++)
        {
            if (_requests[i] is not { Phase: Phase.InLane } request)
                continue;
            if (first == None)
                first = i;
            else if (Defect == Defect.UrgentReadsOvertake && request.IsUrgent != _requests[first]!.IsUrgent)
                first = request.IsUrgent ? i : first;
            else if (request.Sequence < _requests[first]!.Sequence)
                first = i;
        }
        return first;
    }

    private void HandOn(int index) => Change(index, request =>
    {
        bool mustWait = request.After != None && !_points[request.After].Noticed;
        return request with { Phase = mustWait ? Phase.Held : Phase.Queued, Subscribed = mustWait };
    });

    private void Repeat(int index)
    {
        int sequence = Defect == Defect.RepeatedReadsGoToTheEnd ? _nextSequence++ : _requests[index]!.Sequence;
        Change(index, request => request with { Phase = Phase.InLane, IsRepeated = true, Sequence = sequence });
    }

    private bool EndIfAReadFailed(int thread)
    {
        if (!_awaited.Exists(arming => _armings[arming].Failed))
            return false;
        EndProgram(thread);
        return true;
    }

    private void EndProgram(int thread) => _next[thread] = _scenario.Threads[thread].Length;

    private int PointOf(int? fence) => fence is { } named ? _fences[named].Point : None;

    private void Record(Instruction.Record record)
    {
        var stream = _streams[record.Stream];
        int point = _points.Count;
        _points.Add(new Point(record.Stream, Reached: false, Noticed: false));
        bool early = Defect == Defect.RecordsTooEarly && stream is [.., { Began: false }];
        stream.Insert(early ? stream.Count - 1 : stream.Count, new StreamItem(Item.Event, point));
        _watched[Defect == Defect.OneWatchForAllStreams ? 0 : record.Stream].Add(point);
        Abandon(record.Fence);
        _fences[record.Fence] = new Fence(point, None);
        if (Defect != Defect.RequestFollowsItsFence)
            return;
        for (int i = 0; i < _requests.Length; i++)
        {
            if (_requests[i] is { Phase: Phase.Held } held && held.AfterFence == record.Fence)
                Change(i, request => request with { After = point, Subscribed = true });
        }
    }

    /// <summary>Takes a word that no unopened arming has; streams may still stand before waits for its former values.</summary>
    private void Arm(Instruction.Arm arm)
    {
        int word = 0;
        while (_armings.Exists(arming => arming.Word == word && !arming.Passed))
            word++;
        if (word == _words.Count)
            _words.Add(0);
        if (Defect == Defect.ArmingClearsTheWord)
            _words[word] = 0;
        int value = Defect is Defect.ArmingClearsTheWord or Defect.ArmingLeavesTheWordOpen ? 1 : _words[word] + 1;
        _fences[arm.Fence] = new Fence(None, _armings.Count);
        _armings.Add(new Arming(arm.Transfers, arm.Transfers, Passed: false, Failed: false, word, value));
    }

    private int Promise(int? fence)
    {
        if (fence is not { } named)
            return None;
        int arming = _fences[named].Arming;
        _armings[arming] = _armings[arming] with { Unpromised = _armings[arming].Unpromised - 1 };
        return arming;
    }

    private void Abandon(int fence)
    {
        int arming = _fences[fence].Arming;
        if (arming == None || Defect == Defect.AbandonsNobody)
            return;
        int unpromised = _armings[arming].Unpromised;
        _armings[arming] = _armings[arming] with { Unpromised = 0 };
        for (int i = 0; i < unpromised; i++)
            Signal(arming, failed: true);
        _anythingFailed |= unpromised > 0;
    }

    private void Signal(int index, bool failed)
    {
        var arming = _armings[index];
        if (arming.Outstanding == 0)
            Violation ??= "a fence is signalled more often than it was armed for";
        arming = arming with
        {
            Outstanding = arming.Outstanding - 1,
            Failed = arming.Failed || (failed && Defect != Defect.FailureIsForgotten),
        };
        if (arming.Outstanding == 0 || Defect == Defect.OpensWithTheFirst)
        {
            arming = arming with { Passed = true };
            _words[arming.Word] = int.Max(_words[arming.Word], arming.Value);
        }
        _armings[index] = arming;
    }

    private void MakeWait(Instruction.MakeWait wait)
    {
        var arming = _armings[_fences[wait.Fence].Arming];
        if (_scenario.WaitsOnHost || arming.Passed || Defect == Defect.StreamDoesNotWait)
            return;
        _streams[wait.Stream].Add(new StreamItem(Item.WaitForWord, arming.Word, arming.Value));
        _awaited.Add(_fences[wait.Fence].Arming);
    }

    /// <summary>In two steps, between which a watch may find the kernels finished, but cannot tell the queue: its lock is held.</summary>
    private void BeginSubmission(int thread, int index, Request request)
    {
        _submitting[thread] = index;
        bool looksFirst = Defect == Defect.LooksBeforeItSubscribes;
        bool mustWait = looksFirst && request.After != None && !_points[request.After].Noticed;
        _requests[index] = request with
        {
            Subscribed = request.After != None && !looksFirst && !_points[request.After].Noticed,
            Phase = mustWait ? Phase.Held : Phase.Absent,
        };
    }

    private void EndSubmission(int thread)
    {
        int index = _submitting[thread];
        _submitting[thread] = None;
        var request = _requests[index]!;
        if (Defect == Defect.LooksBeforeItSubscribes)
        {
            if (request.Phase == Phase.Held)
                Change(index, r => r with { Subscribed = !_points[r.After].Noticed });
            else
                Change(index, static r => r with { Phase = Phase.Queued });
            return;
        }
        bool mustWait = request.After != None && !_points[request.After].Noticed && Defect != Defect.WaitsInTheCopyStream;
        Change(index, r => r with { Phase = mustWait ? Phase.Held : Phase.Queued });
    }

    private void Cancel(int index)
    {
        if (_requests[index] is not { } request || request.Phase == Phase.Completed)
            return;
        Change(index, static r => r with { Cancelled = true });
        if (request.Phase is Phase.Held or Phase.Queued)
            Complete(index, failed: true);
    }
}
