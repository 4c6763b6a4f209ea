namespace TeraIO.Planner.Synthesis;

/// <summary>One entry of a stage's schedule.</summary>
/// <param name="MicroBatch">Number of the micro batch.</param>
/// <param name="IsForward">Its forward; else its backward.</param>
/// <param name="IsCoolDown">A backward after the stage's last forward.</param>
internal readonly record struct StageTask(int MicroBatch, bool IsForward, bool IsCoolDown);

/// <summary>
/// One forward, one backward (1F1B): stage s of p runs min(m, p - 1 - s) forwards ahead, then alternates, then runs the backwards that are left. With
/// one stage: forward and backward of each micro batch in turn.
/// </summary>
internal static class PipelineSchedule
{
    public static IReadOnlyList<StageTask> Of(int stages, int stage, int microBatches)
    {
        int ahead = Math.Min(microBatches, stages - 1 - stage);
        var tasks = new List<StageTask>();
        for (int i = 0; i < ahead; i++) tasks.Add(new StageTask(i, IsForward: true, IsCoolDown: false));
        for (int i = ahead; i < microBatches; i++)
        {
            tasks.Add(new StageTask(i, IsForward: true, IsCoolDown: false));
            tasks.Add(new StageTask(i - ahead, IsForward: false, IsCoolDown: false));
        }

        for (int i = microBatches - ahead; i < microBatches; i++) tasks.Add(new StageTask(i, IsForward: false, IsCoolDown: true));
        return tasks;
    }
}
