"""Files of what advertising cost enter, such as the exports of ad accounts; costs by day, source and campaign leave."""
