namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>What ranks tell each other; nothing happens when there is one.</summary>
internal static class Communication
{
    /// <summary>Adds up a tensor over the ranks of a stage: a ring passes 2 (n - 1) / n of it per rank.</summary>
    public static int AllReduce(IterationRecorder recorder, int tensor)
    {
        int ranks = recorder.Options.TensorParallel;
        if (ranks > 1) recorder.Communicates("nccl:all_reduce", 2.0 * (ranks - 1) / ranks * recorder.BytesOf(tensor)).Updates(tensor);
        return tensor;
    }

    /// <summary>Adds up a tensor that the first and the last stage both have (a tied embedding).</summary>
    public static void AllReduceBetweenStages(IterationRecorder recorder, int tensor) =>
        recorder.Communicates("nccl:all_reduce", recorder.BytesOf(tensor)).Updates(tensor);

    /// <summary>Takes a tensor from a neighbouring stage; returns the op, which may wait.</summary>
    public static int Receive(IterationRecorder recorder, int tensor)
    {
        recorder.Communicates("nccl:recv", recorder.BytesOf(tensor)).Creates(tensor);
        return recorder.OpCount - 1;
    }

    /// <summary>Gives a tensor to a neighbouring stage.</summary>
    public static void Send(IterationRecorder recorder, int tensor) => recorder.Communicates("nccl:send", recorder.BytesOf(tensor)).Reads(tensor);
}
