import { createTheme, type MantineColorsTuple } from '@mantine/core';

/** The one blue, for what can be done; states have colours of their own. */
const action: MantineColorsTuple = [
  '#eff5ff',
  '#dbe7fe',
  '#bfd3fe',
  '#93b4fd',
  '#6090fa',
  '#3b73f6',
  '#2563eb',
  '#1d4ed8',
  '#1e40af',
  '#1e3a8a',
];

export const theme = createTheme({
  primaryColor: 'action',
  primaryShade: { light: 7, dark: 6 },
  colors: { action },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  fontSizes: { xs: '11px', sm: '12px', md: '13px', lg: '14px', xl: '16px' },
  defaultRadius: 4,
  respectReducedMotion: true,
  // A dialog's heading is no banner of the page.
  components: { Modal: { defaultProps: { attributes: { header: { role: 'none' } } } } },
});
