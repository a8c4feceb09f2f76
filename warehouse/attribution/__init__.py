"""Attribution: visits, conversions and costs enter; what each channel, source or campaign brought leaves, by model."""
