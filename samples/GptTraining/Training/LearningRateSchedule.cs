namespace TeraIO.Samples.GptTraining;

/// <summary>Linear warm-up, then half a cosine down to a tenth of the peak.</summary>
/// <param name="Peak">Learning rate after warm-up.</param>
/// <param name="WarmUpSteps">Steps until <paramref name="Peak"/>.</param>
/// <param name="TotalSteps">The step at which the lowest rate is reached.</param>
internal sealed record LearningRateSchedule(double Peak, int WarmUpSteps, int TotalSteps)
{
    private const double LowestShare = 0.1;

    /// <summary>The rate of a step, counted from 0.</summary>
    public double At(int step)
    {
        if (step < WarmUpSteps)
            return Peak * (step + 1) / WarmUpSteps;
        if (step >= TotalSteps)
            return Peak * LowestShare;
        var progress = (step - WarmUpSteps) / (double)Math.Max(1, TotalSteps - WarmUpSteps);
        return Peak * (LowestShare + ((1 - LowestShare) * 0.5 * (1 + Math.Cos(Math.PI * progress))));
    }
}
